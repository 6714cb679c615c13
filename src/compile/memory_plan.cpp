#include "compile/memory_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/units.h"

namespace systole::compile {

namespace {

struct Interval {
  std::int64_t address, bytes;
  int last_kernel;
};

// The lowest gap of `bytes` between the live intervals; they are sorted by address.
std::int64_t first_fit(const std::vector<Interval>& live, std::int64_t bytes) {
  std::int64_t address = 0;
  for (const Interval& interval : live) {
    if (interval.address - address >= bytes) return address;
    address = std::max(address, interval.address + round_up(interval.bytes, kAlignment));
  }
  return address;
}

void insert_sorted(std::vector<Interval>& live, Interval interval) {
  live.insert(std::upper_bound(live.begin(), live.end(), interval,
                               [](const Interval& a, const Interval& b) { return a.address < b.address; }),
              interval);
}

Error too_large(const Chip& chip, std::int64_t bytes) {
  return unsupported(
      "chip " + chip.name,
      fmt::format("the program needs {} bytes of far memory, the chip has {}", bytes, chip.hbm.capacity_bytes),
      "use a chip with more memory or a smaller model");
}

// Whether some kernel reads the constant as it stands (weights of products are packed instead).
std::vector<bool> read_as_is(const KernelGraph& kernels) {
  std::vector<bool> needed(kernels.storages.size(), false);
  const auto mark = [&](StorageId id) { needed[static_cast<std::size_t>(id)] = true; };
  for (const Kernel& kernel : kernels.kernels) {
    for (const Access& input : kernel.inputs) mark(input.storage);
    if (kernel.contraction) mark(kernel.contraction->lhs.storage);
    if (kernel.kind == KernelKind::kGather) {
      mark(kernel.table.storage);
      mark(kernel.indices.storage);
    }
  }
  return needed;
}

}  // namespace

Expected<std::int64_t> add_image(isa::Program& program, const Chip& chip, Tensor bytes) {
  const std::int64_t address = program.hbm_bytes;
  program.hbm_bytes += round_up(std::max<std::int64_t>(bytes.bytes(), 1), kAlignment);
  if (program.hbm_bytes > chip.hbm.capacity_bytes) return too_large(chip, program.hbm_bytes);
  program.images.push_back({isa::Space::kHbm, address, std::move(bytes)});
  return address;
}

Status plan_memory(KernelGraph& kernels, const Chip& chip, const graph::Graph& lowered, isa::Program& program) {
  const auto place = [&](Storage& s) {
    s.address = program.hbm_bytes;
    program.hbm_bytes += round_up(std::max<std::int64_t>(s.bytes(), 1), kAlignment);
  };
  const auto bind = [&](StorageId id, const std::string& name, const graph::TensorType& type) {
    return isa::Binding{name, type.type, type.shape, isa::Space::kHbm,
                        kernels.storages[static_cast<std::size_t>(id)].address};
  };
  for (std::size_t i = 0; i < kernels.inputs.size(); ++i) {
    place(kernels.storages[static_cast<std::size_t>(kernels.inputs[i])]);
    program.inputs.push_back(bind(kernels.inputs[i], lowered.input_names[i], lowered.type(lowered.inputs[i])));
  }
  for (std::size_t i = 0; i < kernels.outputs.size(); ++i) {
    place(kernels.storages[static_cast<std::size_t>(kernels.outputs[i])]);
    program.outputs.push_back(bind(kernels.outputs[i], lowered.output_names[i], lowered.type(lowered.outputs[i])));
  }
  const auto needed = read_as_is(kernels);
  for (std::size_t i = 0; i < kernels.storages.size(); ++i) {
    Storage& s = kernels.storages[i];
    if (s.constant == nullptr || !needed[i]) continue;
    SYSTOLE_ASSIGN(s.address, add_image(program, chip, s.constant->as_bytes()));
  }

  std::vector<StorageId> between;  // written by a kernel, neither input nor output
  for (std::size_t i = 0; i < kernels.storages.size(); ++i) {
    const Storage& s = kernels.storages[i];
    if (s.address < 0 && !s.in_vmem && s.constant == nullptr && s.first_kernel >= 0) between.push_back(static_cast<StorageId>(i));
  }
  std::stable_sort(between.begin(), between.end(), [&](StorageId a, StorageId b) {
    return kernels.storages[static_cast<std::size_t>(a)].first_kernel <
           kernels.storages[static_cast<std::size_t>(b)].first_kernel;
  });
  std::vector<Interval> cmem, hbm;
  std::int64_t hbm_top = 0;
  for (const StorageId id : between) {
    Storage& s = kernels.storages[static_cast<std::size_t>(id)];
    const auto dead = [&](const Interval& interval) { return interval.last_kernel < s.first_kernel; };
    std::erase_if(cmem, dead);
    std::erase_if(hbm, dead);
    const std::int64_t bytes = std::max<std::int64_t>(s.bytes(), 1);
    if (chip.cmem.present) {
      const std::int64_t address = first_fit(cmem, bytes);
      if (address + bytes <= chip.cmem.capacity_bytes) {
        s.address = address;
        s.in_cmem = true;
        insert_sorted(cmem, {address, bytes, s.last_kernel});
        program.cmem_bytes = std::max(program.cmem_bytes, address + bytes);
        continue;
      }
    }
    s.address = program.hbm_bytes + first_fit(hbm, bytes);
    insert_sorted(hbm, {s.address - program.hbm_bytes, bytes, s.last_kernel});
    hbm_top = std::max(hbm_top, s.address - program.hbm_bytes + bytes);
  }
  program.hbm_bytes += round_up(hbm_top, kAlignment);
  if (program.hbm_bytes > chip.hbm.capacity_bytes) return too_large(chip, program.hbm_bytes);
  return ok_status();
}

}  // namespace systole::compile
