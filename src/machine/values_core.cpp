#include "machine/values_core.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace systole::machine {
namespace {

constexpr std::int64_t kMostGrownBytes = std::int64_t{1} << 33;   // accumulators that the chip does not bound
constexpr const char* kFarNames[2] = {"HBM", "CMEM"};

// The box of a load or store in far memory: whether it lies inside, and its rows in order.
struct FarBox {
  std::int64_t base, bytes, rows, planes, pitch, plane_pitch;

  Outcome check(const ByteStore& memory, const char* name) const {
    const std::int64_t row_span = (rows - 1) * pitch, plane_span = (planes - 1) * plane_pitch;
    const std::int64_t low = base + std::min<std::int64_t>(row_span, 0) + std::min<std::int64_t>(plane_span, 0);
    const std::int64_t high = base + std::max<std::int64_t>(row_span, 0) + std::max<std::int64_t>(plane_span, 0) + bytes;
    return memory.holds(low, high - low) ? nullptr : outside(name, low, high - low, memory.size());
  }
  template <typename F>
  void each_row(const F& f) const {
    for (std::int64_t p = 0, i = 0; p < planes; ++p) {
      for (std::int64_t r = 0; r < rows; ++r, ++i) f(i, base + p * plane_pitch + r * pitch);
    }
  }
};
template <typename S>
FarBox box_of(const S& s) {
  return {s.far, s.bytes, s.rows, s.planes, s.pitch, s.plane_pitch};
}

}  // namespace

Outcome need_accumulators(ValueArray& array, const Chip& chip, std::int64_t first_word, std::int64_t words) {
  const std::int64_t bytes = (first_word + words) * 4;
  if (chip.mxu.accumulator_rows == 0 && first_word >= 0 && bytes > array.accumulators.size() && bytes <= kMostGrownBytes &&
      !array.accumulators.grow(bytes)) {
    return impossible(fmt::format("the host lacks the memory for {} bytes of accumulators", bytes));
  }
  if (array.accumulators.holds(first_word * 4, words * 4)) return nullptr;
  return outside("the accumulators", first_word * 4, words * 4, array.accumulators.size());
}

ValueCore::ValueCore(const Chip& chip, std::span<const MicroOp> microcode, FarMemories& far, int threads)
    : chip_(&chip), microcode_(microcode), far_(&far), threads_(threads), arrays_(static_cast<std::size_t>(chip.mxu.count)) {}

bool ValueCore::allocate() {
  for (ValueArray& array : arrays_) {
    if (!array.accumulators.allocate(chip_->mxu.accumulator_rows * chip_->mxu.columns * 4)) return false;
  }
  return vmem_.allocate(chip_->vmem_bytes);
}

Outcome ValueCore::execute(const isa::Instruction& instruction) {
  const auto array = [&]() -> ValueArray* {
    const std::size_t index = static_cast<std::size_t>(instruction.unit - isa::push_unit(0)) / 2;
    return instruction.unit >= isa::push_unit(0) && index < arrays_.size() ? &arrays_[index] : nullptr;
  };
  if (instruction.unit >= isa::push_unit(0) && array() == nullptr) return impossible("the chip has no such array");
  if (const auto* load_ = instruction.as<isa::Load>()) return load(*load_);
  if (const auto* store_ = instruction.as<isa::Store>()) return store(*store_);
  if (const auto* gather_ = instruction.as<isa::Gather>()) return gather(*gather_);
  if (const auto* run_ = instruction.as<isa::Run>()) return run(*run_);
  if (const auto* bind = instruction.as<isa::Bind>()) binds_[static_cast<std::size_t>(bind->slot)] = *bind;
  if (const auto* window = instruction.as<isa::Window>()) window_ = *window;
  if (instruction.unit < isa::push_unit(0)) return nullptr;
  if (const auto* pad = instruction.as<isa::Pad>()) array()->pad = *pad;
  if (const auto* push_ = instruction.as<isa::Push>()) return push(*array(), *push_);
  if (const auto* matmul_ = instruction.as<isa::Matmul>()) return matmul(*array(), *matmul_);
  return nullptr;
}

Outcome ValueCore::load(const isa::Load& load) {
  ByteStore& far = far_->memory[load.far_space];
  const FarBox box = box_of(load);
  if (Outcome bad = box.check(far, kFarNames[load.far_space])) return bad;
  const std::int64_t total = load.planes * load.rows * load.bytes;
  if (!vmem_.holds(load.local, total)) return outside("VMEM", load.local, total, vmem_.size());
  box.each_row([&](std::int64_t i, std::int64_t address) {
    std::memcpy(vmem_.data() + load.local + i * load.bytes, far.data() + address, static_cast<std::size_t>(load.bytes));
  });
  return nullptr;
}

Outcome ValueCore::store(const isa::Store& store) {
  ByteStore& far = far_->memory[store.far_space];
  const FarBox box = box_of(store);
  if (Outcome bad = box.check(far, kFarNames[store.far_space])) return bad;
  const std::int64_t rows = store.planes * store.rows;
  const std::uint8_t* from = nullptr;
  std::int64_t pitch = store.bytes;
  if (store.local_space == static_cast<std::int64_t>(isa::Space::kAccumulator)) {
    if (store.array >= static_cast<std::int64_t>(arrays_.size())) return impossible("the chip has no such array");
    ValueArray& array = arrays_[static_cast<std::size_t>(store.array)];
    pitch = chip_->mxu.columns * 4;
    if (store.bytes > pitch) return impossible(fmt::format("a row of accumulators has {} bytes, not {}", pitch, store.bytes));
    const std::int64_t columns = chip_->mxu.columns;
    if (Outcome bad = need_accumulators(array, *chip_, store.local * columns, rows * columns)) return bad;
    from = array.accumulators.data() + store.local * pitch;
  } else {
    if (!vmem_.holds(store.local, rows * store.bytes)) return outside("VMEM", store.local, rows * store.bytes, vmem_.size());
    from = vmem_.data() + store.local;
  }
  box.each_row([&](std::int64_t i, std::int64_t address) {
    std::memcpy(far.data() + address, from + i * pitch, static_cast<std::size_t>(store.bytes));
  });
  return nullptr;
}

Outcome ValueCore::gather(const isa::Gather& gather) {
  ByteStore& far = far_->memory[gather.far_space];
  if (!vmem_.holds(gather.index, gather.count * 4)) return outside("VMEM", gather.index, gather.count * 4, vmem_.size());
  if (!vmem_.holds(gather.local, gather.count * gather.bytes)) return outside("VMEM", gather.local, gather.count * gather.bytes, vmem_.size());
  for (std::int64_t i = 0; i < gather.count; ++i) {
    std::int32_t index = 0;
    std::memcpy(&index, vmem_.data() + gather.index + i * 4, sizeof index);
    const std::int64_t address = gather.far + std::clamp<std::int64_t>(index, 0, gather.limit - 1) * gather.pitch;
    if (!far.holds(address, gather.bytes)) return outside(kFarNames[gather.far_space], address, gather.bytes, far.size());
    std::memcpy(vmem_.data() + gather.local + i * gather.bytes, far.data() + address, static_cast<std::size_t>(gather.bytes));
  }
  return nullptr;
}

}  // namespace systole::machine
