// step_lanes over full vectors, compiled once per instruction set that has a true fused multiply-add; elsewhere the
// scalar definition runs.
#include <cassert>
#include <cstring>

#include "numeric/microcode_lanes.h"

#ifndef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4)
#endif
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "numeric/microcode_simd.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace systole {
namespace HWY_NAMESPACE {

#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128

void StepOps(const MicroOp* ops, std::int64_t count, std::uint32_t* registers, std::int64_t width) {
  for (std::int64_t i = 0; i < count; ++i) step_lanes_scalar(ops[i], registers, width);
}

#else

namespace hn = hwy::HWY_NAMESPACE;

using Du = hn::ScalableTag<std::uint32_t>;
using Di = hn::RebindToSigned<Du>;
using Df = hn::RebindToFloat<Du>;
using U = hn::Vec<Du>;
using I = hn::Vec<Di>;
using F = hn::Vec<Df>;

constexpr Du du;
constexpr Di di;
constexpr Df df;
constexpr std::size_t kMostLanes = HWY_MAX_BYTES / 4;

// An operand stream: a register row, or one vector of a constant with stride 0.
struct Stream {
  const std::uint32_t* data;
  std::size_t stride;
};

template <int kOperands, class Function>
HWY_INLINE void Map(const Stream* in, std::uint32_t* out, std::size_t width, Function function) {
  const std::size_t lanes = hn::Lanes(du);
  const auto apply = [&](const Stream* s, std::size_t i, std::uint32_t* d) HWY_ATTR {
    const U a = hn::LoadU(du, s[0].data + i * s[0].stride);
    const U b = kOperands > 1 ? hn::LoadU(du, s[1].data + i * s[1].stride) : a;
    const U c = kOperands > 2 ? hn::LoadU(du, s[2].data + i * s[2].stride) : a;
    hn::StoreU(function(a, b, c), du, d);
  };
  std::size_t i = 0;
  for (; i + lanes <= width; i += lanes) apply(in, i, out + i);
  const std::size_t rest = width - i;
  if (rest == 0) return;
  std::uint32_t padded[3][kMostLanes] = {};
  std::uint32_t result[kMostLanes];
  Stream tail[3] = {};
  for (int k = 0; k < kOperands; ++k) {
    std::memcpy(padded[k], in[k].data + i * in[k].stride, rest * sizeof(std::uint32_t));
    tail[k] = {padded[k], 0};
  }
  apply(tail, 0, result);
  std::memcpy(out + i, result, rest * sizeof(std::uint32_t));
}

HWY_INLINE F AsF(U x) { return hn::BitCast(df, x); }
HWY_INLINE I AsI(U x) { return hn::BitCast(di, x); }
HWY_INLINE U Raw(F x) { return hn::BitCast(du, x); }
HWY_INLINE U Raw(I x) { return hn::BitCast(du, x); }
HWY_INLINE U Nan() { return hn::Set(du, 0x7FC00000u); }
HWY_INLINE U Canonical(F x) { return hn::IfThenElse(hn::RebindMask(du, hn::IsNaN(x)), Nan(), Raw(x)); }
template <class Mask>
HWY_INLINE U Truth(Mask mask) { return hn::IfThenElseZero(hn::RebindMask(du, mask), hn::Set(du, 1)); }
HWY_INLINE U Where(hn::Mask<Df> mask, U yes, U no) { return hn::IfThenElse(hn::RebindMask(du, mask), yes, no); }

// Equal operands differ at most in the sign of zero: or gives -0, and gives +0.
HWY_INLINE U Minimum(U a, U b) {
  const F x = AsF(a), y = AsF(b);
  const U ordered = Where(hn::Lt(x, y), a, Where(hn::Eq(x, y), hn::Or(a, b), b));
  return Where(hn::Or(hn::IsNaN(x), hn::IsNaN(y)), Nan(), ordered);
}
HWY_INLINE U Maximum(U a, U b) {
  const F x = AsF(a), y = AsF(b);
  const U ordered = Where(hn::Lt(x, y), b, Where(hn::Eq(x, y), hn::And(a, b), a));
  return Where(hn::Or(hn::IsNaN(x), hn::IsNaN(y)), Nan(), ordered);
}

// An integral value to int32, saturating, NaN to 0.
HWY_INLINE U ToInt(F integral) {
  const U converted = Raw(hn::ConvertTo(di, hn::IfThenElse(hn::Lt(hn::Abs(integral), hn::Set(df, 0x1p31f)), integral, hn::Zero(df))));
  const U high = Where(hn::Ge(integral, hn::Set(df, 0x1p31f)), hn::Set(du, 0x7FFFFFFFu), converted);
  return Where(hn::Le(integral, hn::Set(df, -0x1p31f)), hn::Set(du, 0x80000000u), high);
}

// Nearest even at bit kDropped of the word.
template <int kDropped>
HWY_INLINE U DropBits(U x) {
  const U odd = hn::And(hn::ShiftRight<kDropped>(x), hn::Set(du, 1));
  const U rounded = hn::Add(hn::Add(x, hn::Set(du, (1u << (kDropped - 1)) - 1)), odd);
  return Where(hn::IsNaN(AsF(x)), Nan(), hn::AndNot(hn::Set(du, (1u << kDropped) - 1), rounded));
}

// The nearest value with kFraction bits and exponents from kMinExponent. Below, fp32 addition rounds at the right place.
template <int kFraction, int kMinExponent>
HWY_INLINE U Narrow(U x, U largest, U beyond) {
  const U sign = hn::And(x, hn::Set(du, 0x80000000u));
  const U magnitude = hn::AndNot(hn::Set(du, 0x80000000u), x);
  const U normal = DropBits<23 - kFraction>(magnitude);
  const F anchor = AsF(hn::Set(du, static_cast<std::uint32_t>(127 + kMinExponent - kFraction + 23) << 23));
  const U subnormal = Raw(hn::Sub(hn::Add(AsF(magnitude), anchor), anchor));
  const F smallest = AsF(hn::Set(du, static_cast<std::uint32_t>(127 + kMinExponent) << 23));
  const U finite = Where(hn::Lt(AsF(magnitude), smallest), subnormal, normal);
  const U bounded = Where(hn::Gt(AsF(finite), AsF(largest)), beyond, finite);
  return Canonical(AsF(hn::Or(bounded, sign)));
}

HWY_INLINE U BitsOf(float x) { return Raw(hn::Set(df, x)); }

void StepFloat(MicroOpcode op, const Stream* in, std::uint32_t* d, std::size_t n) {
  const U infinity = hn::Set(du, 0x7F800000u);
#define SYSTOLE_CASE(name, operands, expression)                                       \
  case MicroOpcode::name:                                                              \
    return Map<operands>(in, d, n, [&]([[maybe_unused]] U a, [[maybe_unused]] U b, [[maybe_unused]] U c) HWY_ATTR { return expression; })
  switch (op) {
    SYSTOLE_CASE(kFAdd, 2, Canonical(hn::Add(AsF(a), AsF(b))));
    SYSTOLE_CASE(kFSub, 2, Canonical(hn::Sub(AsF(a), AsF(b))));
    SYSTOLE_CASE(kFMul, 2, Canonical(hn::Mul(AsF(a), AsF(b))));
    SYSTOLE_CASE(kFFma, 3, Canonical(hn::MulAdd(AsF(a), AsF(b), AsF(c))));
    SYSTOLE_CASE(kFMin, 2, Minimum(a, b));
    SYSTOLE_CASE(kFMax, 2, Maximum(a, b));
    SYSTOLE_CASE(kFLess, 2, Truth(hn::Lt(AsF(a), AsF(b))));
    SYSTOLE_CASE(kFLessEqual, 2, Truth(hn::Le(AsF(a), AsF(b))));
    SYSTOLE_CASE(kFEqual, 2, Truth(hn::Eq(AsF(a), AsF(b))));
    SYSTOLE_CASE(kFRint, 1, Canonical(hn::Round(AsF(a))));
    SYSTOLE_CASE(kFToI, 1, ToInt(hn::Round(AsF(a))));
    SYSTOLE_CASE(kFToITruncate, 1, ToInt(hn::Trunc(AsF(a))));
    SYSTOLE_CASE(kFToBF16, 1, DropBits<16>(a));
    SYSTOLE_CASE(kFToTF32, 1, DropBits<13>(a));
    SYSTOLE_CASE(kFToF16, 1, (Narrow<10, -14>(a, BitsOf(65504.0f), infinity)));
    SYSTOLE_CASE(kFToF8E5M2, 1, (Narrow<2, -14>(a, BitsOf(57344.0f), infinity)));
    SYSTOLE_CASE(kFToF8E4M3, 1, (Narrow<3, -6>(a, BitsOf(448.0f), Nan())));
    default: assert(false); return;
  }
}

void StepWord(MicroOpcode op, const Stream* in, std::uint32_t* d, std::size_t n) {
  const U count_mask = hn::Set(du, 31);
  switch (op) {
    SYSTOLE_CASE(kMove, 1, a);
    SYSTOLE_CASE(kIToF, 1, Raw(hn::ConvertTo(df, AsI(a))));
    SYSTOLE_CASE(kIAdd, 2, hn::Add(a, b));
    SYSTOLE_CASE(kISub, 2, hn::Sub(a, b));
    SYSTOLE_CASE(kIMul, 2, hn::Mul(a, b));
    SYSTOLE_CASE(kIMin, 2, Raw(hn::Min(AsI(a), AsI(b))));
    SYSTOLE_CASE(kIMax, 2, Raw(hn::Max(AsI(a), AsI(b))));
    SYSTOLE_CASE(kILess, 2, Truth(hn::Lt(AsI(a), AsI(b))));
    SYSTOLE_CASE(kILessEqual, 2, Truth(hn::Not(hn::Lt(AsI(b), AsI(a)))));
    SYSTOLE_CASE(kIEqual, 2, Truth(hn::Eq(a, b)));
    SYSTOLE_CASE(kAnd, 2, hn::And(a, b));
    SYSTOLE_CASE(kOr, 2, hn::Or(a, b));
    SYSTOLE_CASE(kXor, 2, hn::Xor(a, b));
    SYSTOLE_CASE(kShiftLeft, 2, hn::Shl(a, hn::And(b, count_mask)));
    SYSTOLE_CASE(kShiftRight, 2, hn::Shr(a, hn::And(b, count_mask)));
    SYSTOLE_CASE(kShiftRightArithmetic, 2, Raw(hn::Shr(AsI(a), AsI(hn::And(b, count_mask)))));
    SYSTOLE_CASE(kSelect, 3, hn::IfThenElse(hn::Ne(a, hn::Zero(du)), b, c));
    default: assert(false); return;
  }
#undef SYSTOLE_CASE
}

void StepOps(const MicroOp* ops, std::int64_t count, std::uint32_t* registers, std::int64_t width) {
  const auto n = static_cast<std::size_t>(width);
  for (std::int64_t i = 0; i < count; ++i) {
    const MicroOp& op = ops[i];
    if (op.op == MicroOpcode::kConst || op.op == MicroOpcode::kIDiv || op.op == MicroOpcode::kIRem) {
      step_lanes_scalar(op, registers, width);
      continue;
    }
    HWY_ALIGN std::uint32_t constant[kMostLanes];
    Stream in[3] = {{registers + op.a * n, 1}, {registers + op.b * n, 1}, {registers + op.c * n, 1}};
    if (op.imm_operand != MicroOp::Imm::kNone) {
      hn::Store(hn::Set(du, op.imm), du, constant);
      in[static_cast<int>(op.imm_operand) - 1] = {constant, 0};
    }
    const bool is_float = op.op >= MicroOpcode::kFAdd && op.op <= MicroOpcode::kFToTF32 && op.op != MicroOpcode::kIToF;
    std::uint32_t* const d = registers + op.d * n;
    is_float ? StepFloat(op.op, in, d, n) : StepWord(op.op, in, d, n);
  }
}

#endif

}  // namespace HWY_NAMESPACE
}  // namespace systole
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace systole {

HWY_EXPORT(StepOps);

void step_lanes(const MicroOp& op, std::uint32_t* registers, std::int64_t width) {
  HWY_DYNAMIC_DISPATCH(StepOps)(&op, 1, registers, width);
}

void step_lanes(const MicroProgram& program, std::uint32_t* registers, std::int64_t width) {
  HWY_DYNAMIC_DISPATCH(StepOps)(program.data(), static_cast<std::int64_t>(program.size()), registers, width);
}

}  // namespace systole
#endif
