#include "rtl/random_parts.h"

namespace systole::rtl {

using isa::Space;

std::int64_t align(std::int64_t bytes) { return (bytes + 63) / 64 * 64; }

Tensor random_bytes(Random& random, std::int64_t count, DType type) {
  Tensor tensor(type, {count});
  for (std::int64_t i = 0; i < count; ++i) tensor.mutable_raw()[i] = static_cast<std::uint8_t>(random.bits());
  return tensor;
}

Tensor random_words(Random& random, std::int64_t bytes) {
  Tensor tensor(DType::kU8, {bytes});
  const bool small = random.chance(0.15), strange = random.chance(0.25), cancelling = random.chance(0.15);
  // Two bf16 numbers of either sign, the second far smaller: sums of their products often cancel but for a little.
  const auto large = static_cast<std::uint32_t>(random.integer(110, 140) << 7 | random.integer(0, 127));
  const std::uint32_t little = large - static_cast<std::uint32_t>(random.integer(4, 20) << 7);
  const auto half = [&] { return (random.chance(0.5) ? 0x8000u : 0u) | (random.chance(0.7) ? large : little); };
  for (std::int64_t i = 0; i < bytes; i += 4) {
    auto word = static_cast<std::uint32_t>(random.bits());
    if (!random.chance(0.05)) word = (word & 0x807FFFFFu) | (static_cast<std::uint32_t>(small ? random.integer(48, 64) : random.integer(110, 140)) << 23);
    if (random.chance(0.3)) word &= ~0u << random.integer(18, 23);
    if (random.chance(0.05)) word &= 0x80000000u;
    if (random.chance(0.2)) word = static_cast<std::uint32_t>(random.integer(-2, 9));
    if (cancelling) word = half() << 16, word |= half();
    if (strange && random.chance(0.02)) word = (word & (random.chance(0.5) ? 0x80000000u : 0x807FFFFFu)) | 0x7F800000u;
    for (std::int64_t b = 0; b < 4 && i + b < bytes; ++b) tensor.mutable_raw()[i + b] = static_cast<std::uint8_t>(word >> (8 * b));
  }
  return tensor;
}

std::int64_t byte_value(const std::uint8_t* p, DType type) { return type == DType::kU8 ? *p : static_cast<std::int8_t>(*p); }

DType random_type(Random& random, const Chip& chip) {
  if (!chip.multiplies(DType::kU8)) return DType::kI8;
  return !chip.multiplies(DType::kI8) || random.chance(0.5) ? DType::kU8 : DType::kI8;
}

Kernel describe(const Chip& chip, Tensor a, Tensor w, std::int64_t m, std::int64_t n, Layout& layout) {
  layout.w = align(a.bytes());
  layout.y = layout.w + align(w.bytes());
  layout.end = layout.y + align(m * n * 4);
  Kernel kernel;
  isa::Program& program = kernel.program;
  program.chip = chip.name;
  program.fingerprint = chip.fingerprint();
  program.format = "i8";
  program.layers = {{"kernel", "dot", 0}};
  program.inputs = {{"a", a.type(), a.shape(), Space::kHbm, layout.a}, {"w", w.type(), w.shape(), Space::kHbm, layout.w}};
  program.outputs = {{"y", DType::kI32, {m, n}, Space::kHbm, layout.y}, {"memory", DType::kU8, {layout.end}, Space::kHbm, 0}};
  program.hbm_bytes = layout.end;
  kernel.inputs = {std::move(a), std::move(w)};
  kernel.expected.emplace(DType::kI32, Shape{m, n});
  return kernel;
}

void finish(Kernel& kernel, const Chip& chip, std::vector<isa::Instruction> code) {
  code.push_back({isa::Halt{}});
  isa::CoreCode core;
  core.layer.assign(code.size(), 0);
  core.code = std::move(code);
  kernel.program.cores.push_back(std::move(core));
  kernel.program.vmem_bytes = chip.vmem_bytes;
}

}  // namespace systole::rtl
