#include "compile/residency.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/units.h"
#include "compile/memory_plan.h"
#include "compile/tile.h"

namespace systole::compile {

namespace {

// At most so many quarters of VMEM hold tensors; the rest is for the tiles and weights of the kernels that run meanwhile.
// Several cores share out their large tensors, so what each of them holds is small.
std::int64_t quarters_for_tensors(const Chip& chip) { return chip.cores > 1 ? 1 : 3; }

bool alive(const Storage& s, int kernel) { return s.first_kernel <= kernel && kernel <= s.last_kernel; }

// What a tensor's users allow, and how often it would go to or from far memory.
struct Use {
  bool possible = true;
  std::int64_t transfers = 0;
};

// The feeder streams rows of K elements: they must stand one behind the other.
bool feeds_in_place(const Contraction& c) {
  const DimAccess& last = c.lhs.dims.back();
  return c.is_convolution ? last.offset == 0 && c.lhs.shape.back() == c.in_channels : true;
}

double transfer_cycles(const MemorySpec& memory, double bytes) {
  return memory.bandwidth.free()
             ? 0.0
             : bytes * static_cast<double>(memory.bandwidth.cycles) / static_cast<double>(memory.bandwidth.bytes);
}

// Cycles of the vector unit for all of the kernel on one core (docs/machine.md, section 5).
double vector_cycles(const Chip& chip, const Kernel& kernel) {
  const auto size = [](const MicroProgram& program) { return static_cast<std::int64_t>(program.size()); };
  const std::int64_t elements = element_count(kernel.dims), taps = element_count(kernel.taps);
  const std::int64_t outer = size(kernel.program.prologue) + size(kernel.program.epilogue);
  const std::int64_t body = size(kernel.program.body);
  if (kernel.kind == KernelKind::kReduce)
    return static_cast<double>(ceil_div(elements, chip.vpu.sublanes) *
                               (outer + ceil_div(taps, chip.vpu.lanes) * (body + 1) + 8));
  return static_cast<double>(ceil_div(elements, chip.vpu.lanes * chip.vpu.sublanes) * (outer + taps * body));
}

// Whether it is faster that every core computes all of the kernel than that they share it out and meet before its result
// is read: then that goes through far memory, a store and a load one after the other.
bool worth_replicating(const KernelGraph& kernels, const Chip& chip, const Kernel& kernel) {
  const MemorySpec& shared = chip.cmem.present ? chip.cmem : chip.hbm;
  double bytes = static_cast<double>(element_count(kernel.dims) * dtype_bytes(kernel.output_type));
  for (const Access& input : kernel.inputs)
    bytes += static_cast<double>(kernels.storages[static_cast<std::size_t>(input.storage)].bytes());
  const double more = 1.0 - 1.0 / static_cast<double>(chip.cores);
  const double meeting = static_cast<double>(chip.timing.barrier_cycles + 2 * shared.latency_cycles);
  return more * (vector_cycles(chip, kernel) + transfer_cycles(shared, bytes)) <= meeting;
}

// Whether the kernel can write its output into VMEM where all who may read it have it.
bool makes_in_vmem(const KernelGraph& kernels, const Chip& chip, const Kernel& kernel) {
  if (kernel.kind == KernelKind::kContraction) return chip.cores == 1 && (!kernel.direct_store || chip.vpu.present);
  return chip.cores == 1 || worth_replicating(kernels, chip, kernel);
}

std::vector<Use> uses_of(const KernelGraph& kernels, const Chip& chip) {
  std::vector<Use> uses(kernels.storages.size());
  const auto use = [&](StorageId id, bool possible = true) {
    Use& u = uses[static_cast<std::size_t>(id)];
    u.possible = u.possible && possible;
    ++u.transfers;
  };
  for (const Kernel& kernel : kernels.kernels) {
    for (const Access& input : kernel.inputs) use(input.storage);
    if (kernel.contraction) {
      use(kernel.contraction->lhs.storage, feeds_in_place(*kernel.contraction));
      use(kernel.contraction->rhs.storage, !kernel.contraction->is_convolution);
    }
    if (kernel.kind == KernelKind::kGather) {
      use(kernel.table.storage, false);  // rows are gathered from far memory
      use(kernel.indices.storage);
    }
    use(kernel.output.storage, makes_in_vmem(kernels, chip, kernel));
  }
  for (std::size_t i = 0; i < uses.size(); ++i) {
    const Storage& s = kernels.storages[i];
    // Strides of the vector unit and pitches of the feeder reach so far.
    const bool small = s.bytes() > 0 && element_count(s.shape) <= kMaxBufferElements;
    uses[i].possible =
        uses[i].possible && small && !s.is_input && !s.is_output && s.constant == nullptr && s.first_kernel >= 0;
  }
  return uses;
}

// The lowest address that no tensor placed already holds while `s` lives.
std::int64_t lowest_gap(const KernelGraph& kernels, const std::vector<StorageId>& placed, const Storage& s) {
  std::vector<std::pair<std::int64_t, std::int64_t>> taken;
  for (const StorageId id : placed) {
    const Storage& other = kernels.storages[static_cast<std::size_t>(id)];
    if (other.first_kernel <= s.last_kernel && s.first_kernel <= other.last_kernel)
      taken.push_back({other.vmem_address, other.vmem_address + round_up(other.bytes(), kAlignment)});
  }
  std::sort(taken.begin(), taken.end());
  std::int64_t address = 0;
  for (const auto& [lo, hi] : taken) {
    if (lo - address >= s.bytes()) break;
    address = std::max(address, hi);
  }
  return address;
}

}  // namespace

void place_in_vmem(KernelGraph& kernels, const Chip& chip, const std::vector<bool>& banned) {
  const std::vector<Use> uses = uses_of(kernels, chip);
  std::vector<StorageId> order;
  for (std::size_t i = 0; i < uses.size(); ++i)
    if (uses[i].possible && !banned[i]) order.push_back(static_cast<StorageId>(i));
  // Bytes saved for each byte and kernel that it holds; of equals the larger.
  const auto storage = [&](StorageId id) -> Storage& { return kernels.storages[static_cast<std::size_t>(id)]; };
  std::stable_sort(order.begin(), order.end(), [&](StorageId a, StorageId b) {
    const auto length = [&](StorageId id) { return std::int64_t{storage(id).last_kernel} - storage(id).first_kernel + 1; };
    const std::int64_t left = uses[static_cast<std::size_t>(a)].transfers * length(b);
    const std::int64_t right = uses[static_cast<std::size_t>(b)].transfers * length(a);
    return left != right ? left > right : storage(a).bytes() > storage(b).bytes();
  });
  const std::int64_t limit = chip.vmem_bytes / 4 * quarters_for_tensors(chip);
  std::vector<StorageId> placed;
  for (const StorageId id : order) {
    Storage& s = storage(id);
    const std::int64_t address = lowest_gap(kernels, placed, s);
    if (address + s.bytes() > limit) continue;
    s.vmem_address = address;
    s.in_vmem = true;
    placed.push_back(id);
  }
  for (Kernel& kernel : kernels.kernels) {
    if (!storage(kernel.output.storage).in_vmem) continue;
    kernel.direct_store = false;
    kernel.replicated = chip.cores > 1;
  }
}

std::vector<std::int64_t> vmem_bases(const KernelGraph& kernels) {
  std::vector<std::int64_t> bases(kernels.kernels.size(), 0);
  for (const Storage& s : kernels.storages)
    for (int k = s.first_kernel; s.in_vmem && k <= s.last_kernel; ++k) {
      std::int64_t& base = bases[static_cast<std::size_t>(k)];
      base = std::max(base, s.vmem_address + round_up(s.bytes(), kAlignment));
    }
  return bases;
}

bool ban_residents(const KernelGraph& kernels, int kernel, std::vector<bool>& banned) {
  bool any = false;
  for (std::size_t i = 0; i < kernels.storages.size(); ++i) {
    if (!kernels.storages[i].in_vmem || !alive(kernels.storages[i], kernel)) continue;
    banned[i] = true;
    any = true;
  }
  return any;
}

std::string print_residents(const KernelGraph& kernels) {
  std::string text;
  for (std::size_t i = 0; i < kernels.storages.size(); ++i) {
    const Storage& s = kernels.storages[i];
    if (!s.in_vmem) continue;
    text += fmt::format("s{} {} {} at {}, {} bytes, kernels {} to {}\n", i, dtype_name(s.type), shape_text(s.shape),
                        s.vmem_address, s.bytes(), s.first_kernel, s.last_kernel);
  }
  return text;
}

}  // namespace systole::compile
