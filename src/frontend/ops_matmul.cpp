// MatMul, Gemm, Einsum.
#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "frontend/matmul.h"
#include "frontend/registry.h"

namespace systole::frontend {

using graph::DotAttr;

Val matmul(const Node& n, Val a, Val b, DType result) {
  Builder& builder = n.b;
  n.require(a.rank() >= 1 && b.rank() >= 1, "a scalar has no matrix product");
  const bool row = a.rank() == 1, column = b.rank() == 1;
  if (row) a = builder.reshape(a, {1, a.dim(0)});
  if (column) b = builder.reshape(b, {b.dim(0), 1});
  if (a.dim(a.rank() - 1) != b.dim(b.rank() - 2)) {
    n.invalid(fmt::format("inner dimensions differ: {} times {}", shape_text(a.shape()), shape_text(b.shape())));
  }
  Val product;
  if (b.rank() == 2) {
    product = builder.dot(a, b, DotAttr{{}, {}, {a.rank() - 1}, {0}}, result);
  } else {
    const Shape batch = builder.broadcast_shape(Shape(a.shape().begin(), a.shape().end() - 2),
                                                Shape(b.shape().begin(), b.shape().end() - 2));
    const auto with_batch = [&](const Val& v) {
      Shape shape = batch;
      shape.insert(shape.end(), v.shape().end() - 2, v.shape().end());
      return builder.broadcast_to(v, shape);
    };
    Axes dims(batch.size());
    std::iota(dims.begin(), dims.end(), 0);
    const auto rank = static_cast<std::int64_t>(batch.size()) + 2;
    product = builder.dot(with_batch(a), with_batch(b), DotAttr{dims, dims, {rank - 1}, {rank - 2}}, result);
  }
  Shape shape = product.shape();
  if (column) shape.pop_back();
  if (row) shape.erase(shape.end() - (column ? 1 : 2));
  return builder.reshape(product, shape);
}

namespace {

void matmul_op(Node& n) { n.out(0, matmul(n, n.in(0), n.in(1), n.in(0).type())); }

// alpha op(A) op(B) + beta C
void gemm(Node& n) {
  const Val &a = n.in(0), &b = n.in(1);
  n.require(a.rank() == 2 && b.rank() == 2, "needs two matrices");
  const std::int64_t a_inner = n.attr_int("transA", 0) ? 0 : 1, b_inner = n.attr_int("transB", 0) ? 1 : 0;
  if (a.dim(a_inner) != b.dim(b_inner)) {
    n.invalid(fmt::format("inner dimensions differ: {} times {}", shape_text(a.shape()), shape_text(b.shape())));
  }
  Val y = n.b.dot(a, b, DotAttr{{}, {}, {a_inner}, {b_inner}}, a.type());
  const double alpha = n.attr_float("alpha", 1), beta = n.attr_float("beta", 1);
  if (alpha != 1) y = n.b.mul(y, alpha);
  if (n.has(2) && beta != 0) {
    const Val c = beta == 1 ? n.in(2) : n.b.mul(n.in(2), beta);
    n.require(n.b.broadcast_shape(c.shape(), y.shape()) == y.shape(), "C does not broadcast to the product");
    y = n.b.add(y, n.b.broadcast_to(c, y.shape(), false));
  }
  n.out(0, y);
}

// One operand of an einsum: its labels, one per dimension. '...' stands for labels '0', '1', ... from the right.
struct Term {
  Val value;
  std::string labels;
};

std::string expand_labels(const Node& n, const std::string& text, std::int64_t rank) {
  std::string letters;
  for (const char c : text) {
    if (c != ' ') letters += c;
  }
  const std::size_t dots = letters.find("...");
  if (dots == std::string::npos) return letters;
  const std::int64_t hidden = rank - (static_cast<std::int64_t>(letters.size()) - 3);
  n.require(hidden >= 0 && hidden <= 9, "the equation does not fit the operands' ranks");
  std::string ellipsis;
  for (std::int64_t i = hidden; i > 0; --i) ellipsis += static_cast<char>('0' + i - 1);
  return letters.substr(0, dots) + ellipsis + letters.substr(dots + 3);
}

// A label that stands twice: what lies off the diagonal is left out, and the second dimension summed away.
Term diagonal(Node& n, Term t) {
  for (std::size_t first = 0; first < t.labels.size(); ++first) {
    const std::size_t second = t.labels.find(t.labels[first], first + 1);
    if (second == std::string::npos) continue;
    const auto a = static_cast<std::int64_t>(first), b = static_cast<std::int64_t>(second);
    n.require(t.value.dim(a) == t.value.dim(b), "a repeated label names dimensions of different sizes");
    const Val rows = n.b.iota(DType::kI32, t.value.shape(), a), columns = n.b.iota(DType::kI32, t.value.shape(), b);
    const Val on = n.b.compare(graph::CompareDirection::kEQ, rows, columns);
    const Val kept = n.b.select(on, t.value, n.b.scalar(t.value.type(), 0));
    t.value = n.b.reduce(graph::Reduction::kAdd, kept, {b}, false);
    t.labels.erase(second, 1);
    --first;
  }
  return t;
}

// Sums away the labels that `keep` does not hold.
Term sum_unused(Node& n, const Term& t, const std::string& keep) {
  Axes axes;
  std::string labels;
  for (std::size_t i = 0; i < t.labels.size(); ++i) {
    if (keep.find(t.labels[i]) == std::string::npos) axes.push_back(static_cast<std::int64_t>(i));
    else labels += t.labels[i];
  }
  return {n.b.reduce(graph::Reduction::kAdd, t.value, axes, false), labels};
}

// The product of two terms; labels that only both of them have, and `keep` has not, are contracted.
Term multiply(Node& n, const Term& a, const Term& b, const std::string& keep) {
  const Term x = sum_unused(n, a, keep + b.labels), y = sum_unused(n, b, keep + a.labels);
  DotAttr attr;
  std::string labels;
  for (std::size_t i = 0; i < x.labels.size(); ++i) {
    const std::size_t j = y.labels.find(x.labels[i]);
    if (j == std::string::npos) continue;
    const bool batch = keep.find(x.labels[i]) != std::string::npos;
    (batch ? attr.lhs_batch : attr.lhs_contract).push_back(static_cast<std::int64_t>(i));
    (batch ? attr.rhs_batch : attr.rhs_contract).push_back(static_cast<std::int64_t>(j));
    if (batch) labels += x.labels[i];
  }
  for (const char c : x.labels) {
    if (y.labels.find(c) == std::string::npos) labels += c;
  }
  for (const char c : y.labels) {
    if (x.labels.find(c) == std::string::npos) labels += c;
  }
  return {n.b.dot(x.value, y.value, attr, x.value.type()), labels};
}

Axes permutation_to(const Node& n, const std::string& from, const std::string& to) {
  Axes permutation;
  for (const char c : to) {
    const std::size_t at = from.find(c);
    n.require(at != std::string::npos, "the equation's result names a label that no operand has");
    permutation.push_back(static_cast<std::int64_t>(at));
  }
  n.require(from.size() == to.size(), "the equation's result repeats a label");
  return permutation;
}

void einsum(Node& n) {
  const std::string equation = n.attr_string("equation", "");
  const std::size_t arrow = equation.find("->");
  std::vector<Term> terms;
  std::string left = equation.substr(0, arrow);
  for (std::size_t i = 0, start = 0; i < n.input_count(); ++i) {
    const std::size_t comma = left.find(',', start);
    const std::string part = left.substr(start, comma == std::string::npos ? comma : comma - start);
    n.require((comma == std::string::npos) == (i + 1 == n.input_count()),
              "the equation has another number of operands");
    terms.push_back({n.in(i), expand_labels(n, part, n.in(i).rank())});
    start = comma + 1;
    n.require(static_cast<std::int64_t>(terms[i].labels.size()) == n.in(i).rank(),
              "the equation does not fit the operands' ranks");
    terms[i] = diagonal(n, terms[i]);
  }
  n.require(!terms.empty(), "needs at least one operand");
  std::map<char, int> uses;
  std::int64_t widest = 0;
  for (const Term& t : terms) {
    std::int64_t digits = 0;
    for (const char c : t.labels) {
      ++uses[c];
      digits += c >= '0' && c <= '9';
    }
    widest = std::max(widest, digits);
  }
  std::string result;
  if (arrow != std::string::npos) {
    std::string right = equation.substr(arrow + 2);
    const bool has_dots = right.find("...") != std::string::npos;
    const auto letters = std::count_if(right.begin(), right.end(), [](char c) { return c != ' ' && c != '.'; });
    result = expand_labels(n, right, letters + (has_dots ? widest : 0));
  } else {
    for (std::int64_t i = widest; i > 0; --i) result += static_cast<char>('0' + i - 1);
    for (const auto& [label, count] : uses) {
      if (count == 1 && !(label >= '0' && label <= '9')) result += label;
    }
  }
  Term total = terms[0];
  for (std::size_t i = 1; i < terms.size(); ++i) {
    std::string keep = result;
    for (std::size_t j = i + 1; j < terms.size(); ++j) keep += terms[j].labels;
    total = multiply(n, total, terms[i], keep);
  }
  total = sum_unused(n, total, result);
  n.out(0, n.b.transpose(total.value, permutation_to(n, total.labels, result)));
}

}  // namespace

void register_matmul(Registry& registry) {
  registry.insert({{"MatMul", matmul_op}, {"Gemm", gemm}, {"Einsum", einsum}});
}

}  // namespace systole::frontend
