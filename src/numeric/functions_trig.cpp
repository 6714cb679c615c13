// Sine and cosine: x = j pi/2 + r with pi/2 in three pieces (Cody and Waite; exact products through fused multiply-add).
#include <limits>

#include "numeric/function_blocks.h"

namespace systole {
namespace {

constexpr float kTwoOverPi = 0x1.45f306p-1f;
constexpr float kHalfPi[3] = {0x1.921fb4p+0f, 0x1.4442d0p-24f, 0x1.846988p-48f};
constexpr float kDomain = 0x1p20f;  // beyond, NaN: more pieces would be needed

// sin(|x| + first_quarter pi/2); for an odd function the sign of x comes back at the end.
Value sine_of_quarter(FunctionBuilder& f, int first_quarter, bool is_odd) {
  const Value x = f.magnitude(f.input(0));
  const Value nearest = f.to_int(f.mul(x, kTwoOverPi));
  const Value count = f.to_float(nearest);
  Value r = x;
  for (const float piece : kHalfPi) r = f.fma(count, -piece, r);
  const Value square = f.mul(r, r);
  const Value sine_tail = f.polynomial(square, {-0x1.555544p-3f, 0x1.1106d4p-7f, -0x1.9920c4p-13f});
  const Value sine = f.fma(f.mul(square, r), sine_tail, r);
  const Value cosine_tail = f.polynomial(square, {0x1.55554ap-5f, -0x1.6c0c22p-10f, 0x1.99e33ap-16f});
  const Value cosine = f.fma(square, f.fma(square, cosine_tail, -0.5f), 1.0f);
  const Value quarter = first_quarter == 0 ? nearest : f.emit(MicroOpcode::kIAdd, {nearest, first_quarter});
  const Value odd = f.emit(MicroOpcode::kAnd, {quarter, 1});
  const Value value = f.select(odd, cosine, sine);
  // Quarters 2 and 3 are negative.
  const Value second_bit = f.emit(MicroOpcode::kShiftLeft, {quarter, 30});
  const Value sign = is_odd ? f.emit(MicroOpcode::kXor, {second_bit, f.input(0)}) : second_bit;
  const Value result = f.emit(MicroOpcode::kXor, {value, f.sign_bit(sign)});
  const Value inside = f.less_equal(x, kDomain);
  return f.select(inside, result, std::numeric_limits<float>::quiet_NaN());
}

}  // namespace

FunctionProgram build_sin() {
  FunctionBuilder f(1);
  return f.finish("sin", sine_of_quarter(f, 0, true));
}

FunctionProgram build_cos() {
  FunctionBuilder f(1);
  return f.finish("cos", sine_of_quarter(f, 1, false));
}

}  // namespace systole
