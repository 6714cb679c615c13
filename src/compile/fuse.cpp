// Lifetimes, the entry point, and the dump.
#include "compile/fuse.h"

#include <fmt/format.h>

#include <algorithm>

#include "compile/fuser.h"

namespace systole::compile {

namespace {

void note_lifetimes(KernelGraph& kernels) {
  const auto touch = [&](StorageId id, int k, bool writes) {
    Storage& s = kernels.storages[static_cast<std::size_t>(id)];
    if (writes && s.first_kernel < 0) s.first_kernel = k;
    s.last_kernel = std::max(s.last_kernel, k);
  };
  for (std::size_t k = 0; k < kernels.kernels.size(); ++k) {
    const Kernel& kernel = kernels.kernels[k];
    const int i = static_cast<int>(k);
    for (const Access& input : kernel.inputs) touch(input.storage, i, false);
    if (kernel.contraction) {
      touch(kernel.contraction->lhs.storage, i, false);
      touch(kernel.contraction->rhs.storage, i, false);
    }
    if (kernel.kind == KernelKind::kGather) {
      touch(kernel.table.storage, i, false);
      touch(kernel.indices.storage, i, false);
    }
    touch(kernel.output.storage, i, true);
  }
}

}  // namespace

std::int64_t Box::count() const {
  std::int64_t n = 1;
  for (std::size_t d = 0; d < lo.size(); ++d) n *= size(d);
  return n;
}

Box touched(const Access& access, const Box& tile, const std::vector<std::int64_t>& taps) {
  Box box;
  for (const DimAccess& d : access.dims) {
    std::int64_t lo = d.offset, hi = d.offset;
    const auto extend = [&](std::int64_t scale, std::int64_t first, std::int64_t last) {
      lo += scale * (scale >= 0 ? first : last);
      hi += scale * (scale >= 0 ? last : first);
    };
    if (d.iter >= 0)
      extend(d.scale, tile.lo[static_cast<std::size_t>(d.iter)], tile.hi[static_cast<std::size_t>(d.iter)] - 1);
    if (d.tap >= 0) extend(d.tap_scale, 0, taps[static_cast<std::size_t>(d.tap)] - 1);
    box.lo.push_back(lo);
    box.hi.push_back(hi + 1);
  }
  return box;
}

Expected<KernelGraph> make_kernels(const graph::Graph& lowered, const FuseOptions& options) {
  SYSTOLE_ASSIGN(KernelGraph kernels, Fuser(lowered, options).run());
  note_lifetimes(kernels);
  return kernels;
}

std::string print_kernels(const KernelGraph& kernels) {
  std::string text;
  for (std::size_t k = 0; k < kernels.kernels.size(); ++k) {
    const Kernel& kernel = kernels.kernels[k];
    text += fmt::format("kernel {} {} '{}' dims {} -> s{}\n", k, kernel.label, kernel.name, shape_text(kernel.dims),
                        kernel.output.storage);
    if (kernel.contraction)
      text += fmt::format("  product s{} ({}) x s{} ({}), k {}\n", kernel.contraction->lhs.storage,
                          dtype_name(kernel.contraction->lhs_type), kernel.contraction->rhs.storage,
                          dtype_name(kernel.contraction->rhs_type), kernel.contraction->k);
    for (std::size_t i = 0; i < kernel.inputs.size(); ++i)
      text += fmt::format("  stream {} s{} {}\n", kernel.input_slots[i], kernel.inputs[i].storage,
                          dtype_name(kernel.input_types[i]));
    const auto part = [&](const char* name, const MicroProgram& program) {
      for (const MicroOp& op : program) text += fmt::format("    {} {}\n", name, format_micro_op(op));
    };
    part("prologue", kernel.program.prologue);
    part("body", kernel.program.body);
    part("epilogue", kernel.program.epilogue);
  }
  return text;
}

}  // namespace systole::compile
