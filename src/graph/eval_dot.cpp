// dot_general as batches of [M,K] x [K,N].
#include <tbb/parallel_for.h>

#include "graph/eval.h"
#include "graph/product.h"
#include "graph/strided.h"

namespace systole::graph {
namespace {

using Dims = std::vector<std::int64_t>;

// The dimensions named in neither list, ascending.
Dims free_dimensions(std::int64_t rank, const Dims& batch, const Dims& contract) {
  Dims result;
  for (std::int64_t d = 0; d < rank; ++d) {
    const auto has = [d](const Dims& list) { return std::find(list.begin(), list.end(), d) != list.end(); };
    if (!has(batch) && !has(contract)) result.push_back(d);
  }
  return result;
}

Dims joined(Dims a, const Dims& b, const Dims& c) {
  a.insert(a.end(), b.begin(), b.end());
  a.insert(a.end(), c.begin(), c.end());
  return a;
}

std::int64_t size_of(const Tensor& x, const Dims& dims) {
  std::int64_t size = 1;
  for (const std::int64_t d : dims) size *= x.shape()[static_cast<std::size_t>(d)];
  return size;
}

template <typename Arithmetic>
Expected<Tensor> dot(const Step& step, const Arithmetic& arithmetic) {
  SYSTOLE_TRY(check_product(step, arithmetic));
  const auto& a = step.op.get<DotAttr>();
  const Tensor &lhs = step.operand(0), &rhs = step.operand(1);
  const Dims lhs_free = free_dimensions(lhs.rank(), a.lhs_batch, a.lhs_contract);
  const Dims rhs_free = free_dimensions(rhs.rank(), a.rhs_batch, a.rhs_contract);
  const Tensor l = product_operand(transposed(lhs, joined(a.lhs_batch, lhs_free, a.lhs_contract)), arithmetic);
  const Tensor r = product_operand(transposed(rhs, joined(a.rhs_batch, a.rhs_contract, rhs_free)), arithmetic);
  Product shape;
  shape.activation = l.type();
  shape.weight = r.type();
  shape.m = size_of(lhs, lhs_free);
  shape.k = size_of(lhs, a.lhs_contract);
  shape.n = size_of(rhs, rhs_free);
  shape.weight_pitch = shape.n;
  shape.algorithm = a.algorithm;
  append_chunks(shape.chunks, 0, shape.k, chunk_limit(arithmetic));
  Tensor result(step.result.type, step.result.shape);
  std::uint8_t* out = result.mutable_raw();
  const std::int64_t l_size = dtype_bytes(l.type()), batch_out = shape.m * shape.n * dtype_bytes(result.type());
  tbb::parallel_for(std::int64_t{0}, size_of(lhs, a.lhs_batch), [&](std::int64_t b) {
    Product product = shape;
    product.weights = r.raw() + b * shape.k * shape.n * dtype_bytes(r.type());
    const std::uint8_t* rows = l.raw() + b * shape.m * shape.k * l_size;
    product.gather = [=, k = shape.k](std::int64_t first, std::int64_t, const Chunk& chunk, std::uint8_t*) {
      return Rows{rows + (first * k + chunk.row) * l_size, k};
    };
    multiply(product, arithmetic, result.type(), out + b * batch_out, shape.n);
  });
  return result;
}

}  // namespace

template <>
Expected<Tensor> eval_dot(const Step& step, const DoubleArithmetic& arithmetic) {
  return dot(step, arithmetic);
}
template <>
Expected<Tensor> eval_dot(const Step& step, const ChipRun& run) {
  return dot(step, run);
}

}  // namespace systole::graph
