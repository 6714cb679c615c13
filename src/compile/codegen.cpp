#include "compile/codegen.h"

#include <algorithm>

#include "base/units.h"
#include "compile/codegen_vector.h"
#include "compile/contraction.h"
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

// Kernels take the halves of VMEM by turns. With prefetch the products do, so that the next one's weights can be on their
// way, and what runs in between stays in the half of the product before it.
std::vector<Regions> regions_of(const KernelGraph& kernels, const Chip& chip, bool prefetch) {
  const std::vector<std::int64_t> bases = vmem_bases(kernels);
  const std::size_t count = kernels.kernels.size();
  std::vector<Regions> regions(count);
  std::int64_t highest = 0;
  for (const std::int64_t base : bases) highest = std::max(highest, base);
  std::size_t products = 0, after_products = count;
  while (!prefetch && after_products > 0) --after_products;
  while (after_products > 0 && kernels.kernels[after_products - 1].kind != KernelKind::kContraction) --after_products;
  for (std::size_t k = 0; k < count; ++k) {
    const bool product = kernels.kernels[k].kind == KernelKind::kContraction;
    products += product;
    Regions& r = regions[k];
    r.whole = {bases[k], chip.vmem_bytes - bases[k]};
    // Neighbours should agree on where the halves begin.
    const std::int64_t coarse = chip.cores > 1 ? highest : round_up(bases[k], std::max(kAlignment, chip.vmem_bytes / 16));
    const std::int64_t base = chip.vmem_bytes - coarse >= chip.vmem_bytes / 4 ? coarse : bases[k];
    const std::int64_t half = (chip.vmem_bytes - base) / 2 / kAlignment * kAlignment;
    const bool last_ones = k >= after_products;
    const bool upper = last_ones ? k % 2 == 1 : products % 2 == 1;
    r.half = {base + (upper ? half : 0), half};
    r.part = r.half;
    if (product || last_ones) continue;
    r.part.bytes = half / 2 / kAlignment * kAlignment;
    if (k % 2 == 1) r.part.base += r.part.bytes;
  }
  return regions;
}

// Makes the code kernel by kernel; while one product's is made, the constants of the next are fetched.
class Generator {
 public:
  explicit Generator(Context& context) : context_(context), order_(context) {}

  Status run() {
    const std::vector<Kernel>& kernels = context_.kernels.kernels;
    std::size_t last = kernels.size();
    for (std::size_t k = 0; k < kernels.size(); ++k) {
      ContractionCodegen* product = nullptr;
      if (kernels[k].kind == KernelKind::kContraction) {
        products_.push_back(std::make_unique<ContractionCodegen>(context_, kernels[k], k));
        product = products_.back().get();
        SYSTOLE_TRY(product->prepare());
        next_.resize(k + 1, nullptr);
        if (last < kernels.size()) next_[last] = may_prefetch(last, k, products_[products_.size() - 2]->region(), *product) ? product : nullptr;
        last = k;
      }
    }
    next_.resize(kernels.size(), nullptr);
    for (std::size_t k = 0; k < kernels.size(); ++k) SYSTOLE_TRY(kernel(k));
    return ok_status();
  }

 private:
  // Nothing between the start of product `from` and that of `to` may touch the bytes that `to` loads into.
  bool may_prefetch(std::size_t from, std::size_t to, const Region& taken, const ContractionCodegen& product) const {
    const Region& target = product.region();
    const auto apart = [&](const Region& r) { return r.end() <= target.base || target.end() <= r.base; };
    if (!context_.prefetch || !apart(taken)) return false;
    for (std::size_t k = from; k <= to; ++k) {
      if (target.base < context_.regions[k].whole.base) return false;
      if (k == from || k == to) continue;
      if (!apart(context_.regions[k].half) || !fits_its_half(context_, context_.kernels.kernels[k], k)) return false;
    }
    return true;
  }

  Status kernel(std::size_t k) {
    const Kernel& kernel = context_.kernels.kernels[k];
    const auto layer = static_cast<std::uint16_t>(k);
    const auto order = [&] { order_.before(kernel, static_cast<int>(k)); };
    context_.program.layers.push_back({kernel.name, kernel.label, kernel.macs});
    for (Core& core : context_.cores) core.emitter.begin_kernel(layer);
    if (kernel.kind == KernelKind::kContraction) {
      products_[made_++]->generate(order, [&](std::size_t c) {
        if (next_[k] == nullptr) return;
        context_.cores[c].emitter.set_layer(static_cast<std::uint16_t>(next_[k]->number()));
        next_[k]->prefetch(c);
        context_.cores[c].emitter.set_layer(layer);
      });
    } else {
      order();
      SYSTOLE_TRY(kernel.kind == KernelKind::kGather ? generate_gather(context_, kernel, k)
                                                     : generate_vector_kernel(context_, kernel, k));
    }
    free_residents(context_, static_cast<int>(k));
    return ok_status();
  }

  Context& context_;
  FarOrder order_;
  std::vector<std::unique_ptr<ContractionCodegen>> products_;
  std::vector<ContractionCodegen*> next_;  // per kernel: the product whose constants it fetches
  std::size_t made_ = 0;
};

}  // namespace

Status generate_code(const KernelGraph& kernels, const Chip& chip, const Options& options, isa::Program& program,
                     int& failed_kernel) {
  program.cores.resize(static_cast<std::size_t>(chip.cores));
  Context context{kernels, chip, options, program, {}, false, {}};
  for (auto& code : program.cores) {
    Core& core = context.cores.emplace_back(code);
    core.far.resize(kernels.storages.size());
    core.sums.assign(static_cast<std::size_t>(chip.mxu.count), std::vector<Object>(2));
    core.pads.resize(static_cast<std::size_t>(chip.mxu.count));
  }
  const auto& disabled = options.disabled_passes;
  context.prefetch = options.fuse && options.double_buffer && context.weights_apart() &&
                     std::find(disabled.begin(), disabled.end(), kPrefetchPass) == disabled.end();
  context.regions = regions_of(kernels, chip, context.prefetch);
  const Status status = Generator(context).run();
  failed_kernel = context.failed_kernel;
  SYSTOLE_TRY(status);
  for (Core& core : context.cores) core.emitter.emit(isa::kScalar, isa::Halt{});
  program.vmem_bytes = chip.vmem_bytes;
  return ok_status();
}

}  // namespace systole::compile
