#include "chip/chip.h"

#include <fmt/format.h>

#include <algorithm>

namespace systole {
namespace {

// FNV-1a, 64 bits, over little-endian 64-bit values.
class Hash {
 public:
  void add(std::int64_t value) {
    for (int byte = 0; byte < 8; ++byte) {
      state_ ^= (static_cast<std::uint64_t>(value) >> (8 * byte)) & 0xFF;
      state_ *= 0x100000001B3ull;
    }
  }
  void add(const MemorySpec& m) {
    add(m.present);
    add(m.capacity_bytes);
    add(m.bandwidth.bytes);
    add(m.bandwidth.cycles);
    add(m.burst_bytes);
    add(m.latency_cycles);
  }
  void add(const Chip::TinyTpu& t) {
    constexpr std::int64_t kOfTheWord = 1 << 16;   // no slope has this value
    add(t.block_ram);
    add(t.shared_multiplier);
    add(t.registered_switch);
    add(t.registered_bypass);
    add(static_cast<std::int64_t>(t.rounding));
    add(t.forward_slope ? *t.forward_slope : kOfTheWord);
    add(t.derivative_slope ? *t.derivative_slope : kOfTheWord);
    add(t.learning_rate);
    add(t.lfsr_seed);
  }
  std::uint64_t value() const { return state_; }

 private:
  std::uint64_t state_ = 0xCBF29CE484222325ull;
};

}  // namespace

bool Chip::multiplies(DType format) const {
  return std::find(mxu.formats.begin(), mxu.formats.end(), format) != mxu.formats.end();
}

DType Chip::fixed_format() const {
  const auto found = std::find_if(mxu.formats.begin(), mxu.formats.end(), is_fixed);
  return found == mxu.formats.end() ? DType::kQ8_8 : *found;
}

Status Chip::check_knows(const std::string& place, DType type) const {
  if (knows(type)) return ok_status();
  return unsupported(place, fmt::format("chip {} has no {}", name, dtype_name(type)), fmt::format("its fixed-point format is {}", dtype_name(fixed_format())));
}

double Chip::peak_macs_per_second() const {
  constexpr double kF32Passes = 6;   // an fp32 product as bf16 parts (docs/numerics.md)
  const double elements = static_cast<double>(cores * mxu.count * mxu.rows * mxu.columns);
  const bool by_parts = default_format == DType::kF32 && !multiplies(DType::kF32);
  return elements * clock.value() / (by_parts ? kF32Passes : 1);
}

std::uint64_t Chip::fingerprint() const {
  Hash h;
  h.add(static_cast<std::int64_t>(machine));
  h.add(cores);
  h.add(mxu.count);
  h.add(mxu.rows);
  h.add(mxu.columns);
  h.add(mxu.weight_double_buffer);
  h.add(static_cast<std::int64_t>(mxu.formats.size()));
  for (const DType format : mxu.formats) h.add(static_cast<std::int64_t>(format));
  h.add(mxu.accumulator_rows);
  h.add(vpu.present);
  h.add(vpu.lanes);
  h.add(vpu.sublanes);
  h.add(vpu.strided_cycles);
  h.add(vmem_bytes);
  h.add(dma_engines);
  h.add(hbm);
  h.add(cmem);
  h.add(timing.control_cycles);
  h.add(timing.queue_depth);
  h.add(timing.feeder_latency);
  h.add(timing.accumulator_latency);
  h.add(timing.vector_latency);
  h.add(timing.barrier_cycles);
  h.add(static_cast<std::int64_t>(default_format));
  h.add(fixed_requantisation);
  if (machine == MachineKind::kTinyTpu) h.add(tinytpu);
  return h.value();
}

}  // namespace systole
