#include "compile/codegen.h"

#include <algorithm>

#include "compile/codegen_contraction.h"
#include "compile/codegen_vector.h"
#include "compile/residency.h"

namespace systole::compile {

namespace {

struct Span {
  isa::Space space;
  std::int64_t lo, hi;
};

Span span_of(const Storage& s) {
  const isa::Space space = s.in_vmem ? isa::Space::kVmem : s.in_cmem ? isa::Space::kCmem : isa::Space::kHbm;
  const std::int64_t lo = s.in_vmem ? s.vmem_address : s.address;
  return {space, lo, lo + std::max<std::int64_t>(s.bytes(), 1)};
}
bool overlap(const Span& a, const Span& b) { return a.space == b.space && a.lo < b.hi && b.lo < a.hi; }

std::vector<StorageId> storages_read(const Kernel& kernel) {
  std::vector<StorageId> ids;
  for (const Access& input : kernel.inputs) ids.push_back(input.storage);
  if (kernel.contraction) {
    ids.push_back(kernel.contraction->lhs.storage);
    ids.push_back(kernel.contraction->rhs.storage);
  }
  if (kernel.kind == KernelKind::kGather) {
    ids.push_back(kernel.table.storage);
    ids.push_back(kernel.indices.storage);
  }
  return ids;
}

// Orders kernels whose cores share far memory: a barrier where a kernel touches what another wrote, or writes over what
// another touched, since the last barrier.
class FarOrder {
 public:
  explicit FarOrder(Context& context) : context_(context) {}

  void before(const Kernel& kernel, int number) {
    reuse_memory(kernel.output.storage, number);
    if (context_.cores.size() > 1 && conflicts(kernel)) barrier();
    for (const StorageId id : storages_read(kernel))
      if (shared(id)) touched_.push_back({id, false});
    if (shared(kernel.output.storage)) touched_.push_back({kernel.output.storage, true});
  }

 private:
  struct Touch {
    StorageId id;
    bool written;
  };

  // Cores meet only over what they share: not over constants, nor over what each has in its own VMEM.
  bool shared(StorageId id) const {
    const Storage& s = context_.storage(id);
    return s.constant == nullptr && !s.in_vmem;
  }

  bool conflicts(const Kernel& kernel) const {
    const Span out = span_of(context_.storage(kernel.output.storage));
    for (const Touch& touch : touched_) {
      const Span span = span_of(context_.storage(touch.id));
      if (shared(kernel.output.storage) && overlap(out, span) && touch.id != kernel.output.storage) return true;
      if (!touch.written) continue;
      for (const StorageId id : storages_read(kernel))
        if (shared(id) && overlap(span, span_of(context_.storage(id)))) return true;
    }
    return false;
  }

  void barrier() {
    for (Core& core : context_.cores) {
      std::vector<Object*> objects;
      for (const Touch& touch : touched_) objects.push_back(&core.far[static_cast<std::size_t>(touch.id)]);
      core.emitter.barrier(objects);
    }
    touched_.clear();
  }

  // A storage placed where dead ones stood conflicts with their last accesses.
  void reuse_memory(StorageId id, int number) {
    const Storage& storage = context_.storage(id);
    if (storage.first_kernel != number) return;
    if (storage.in_vmem) {
      const Span span = span_of(storage);
      for (Core& core : context_.cores) core.vmem.inherit(core.far[static_cast<std::size_t>(id)], span.lo, span.hi);
      return;
    }
    for (std::size_t other = 0; other < context_.kernels.storages.size(); ++other) {
      const Storage& s = context_.kernels.storages[other];
      if (static_cast<StorageId>(other) == id || s.address < 0 || s.in_vmem || s.constant != nullptr ||
          !overlap(span_of(storage), span_of(s)))
        continue;
      for (Core& core : context_.cores) core.far[static_cast<std::size_t>(id)].inherit(core.far[other]);
    }
  }

  Context& context_;
  std::vector<Touch> touched_;
};

// The VMEM of tensors that this kernel was the last to read is free again.
void free_residents(Context& context, int number) {
  for (std::size_t id = 0; id < context.kernels.storages.size(); ++id) {
    const Storage& s = context.kernels.storages[id];
    if (!s.in_vmem || s.last_kernel != number) continue;
    const Span span = span_of(s);
    for (Core& core : context.cores) {
      core.vmem.forget(span.lo, span.hi);
      core.vmem.add(span.lo, span.hi, core.far[id]);
    }
  }
}

Status generate(Context& context) {
  const KernelGraph& kernels = context.kernels;
  FarOrder order(context);
  for (std::size_t k = 0; k < kernels.kernels.size(); ++k) {
    const Kernel& kernel = kernels.kernels[k];
    context.program.layers.push_back({kernel.name, kernel.label, kernel.macs});
    for (Core& core : context.cores) core.emitter.begin_kernel(static_cast<std::uint16_t>(k));
    if (kernel.kind != KernelKind::kContraction) order.before(kernel, static_cast<int>(k));
    switch (kernel.kind) {
      case KernelKind::kContraction:
        SYSTOLE_TRY(generate_contraction(context, kernel, k, [&] { order.before(kernel, static_cast<int>(k)); }));
        break;
      case KernelKind::kGather:
        SYSTOLE_TRY(generate_gather(context, kernel, k));
        break;
      case KernelKind::kMap:
      case KernelKind::kReduce:
        SYSTOLE_TRY(generate_vector_kernel(context, kernel, k));
        break;
    }
    free_residents(context, static_cast<int>(k));
  }
  return ok_status();
}

}  // namespace

Status generate_code(const KernelGraph& kernels, const Chip& chip, const Options& options, isa::Program& program,
                     int& failed_kernel) {
  program.cores.resize(static_cast<std::size_t>(chip.cores));
  Context context{kernels, chip, options, program, {}, vmem_bases(kernels)};
  for (auto& code : program.cores) {
    Core& core = context.cores.emplace_back(code);
    core.far.resize(kernels.storages.size());
    core.sums.assign(static_cast<std::size_t>(chip.mxu.count), std::vector<Object>(2));
    core.pads.resize(static_cast<std::size_t>(chip.mxu.count));
  }
  const Status status = generate(context);
  failed_kernel = context.failed_kernel;
  SYSTOLE_TRY(status);
  for (Core& core : context.cores) core.emitter.emit(isa::kScalar, isa::Halt{});
  program.vmem_bytes = chip.vmem_bytes;
  return ok_status();
}

}  // namespace systole::compile
