// RNN, GRU and LSTM, unrolled over the (static) sequence length. The input's product is one for all steps.
#include <fmt/core.h>

#include <algorithm>

#include "frontend/registry.h"

namespace systole::frontend {

using graph::DotAttr;
using graph::OpKind;

namespace {

constexpr std::int64_t kMaxSteps = 4096;

Val activate(Node& n, const std::string& name, const Val& x) {
  if (name == "Sigmoid") return n.b.unary(OpKind::kLogistic, x);
  if (name == "Tanh") return n.b.unary(OpKind::kTanh, x);
  if (name == "Relu") return n.b.max(x, 0);
  n.not_supported(fmt::format("activation '{}'", name), "Sigmoid, Tanh and Relu are possible");
}

// One direction's parameters. Gates are rows of H in W [gates H, I], R [gates H, H], and both halves of the bias.
struct Direction {
  Val w, r, input_bias, hidden_bias, peephole, hidden, cell;
  std::vector<std::string> activations;
  std::int64_t size = 0;
  bool reverse = false;
};

Val gate(Node& n, const Val& x, std::int64_t index, std::int64_t size) {
  return n.b.slice_axis(x, x.rank() - 1, index * size, (index + 1) * size);
}

Val times_transposed(Node& n, const Val& x, const Val& w) {
  return n.b.dot(x, w, DotAttr{{}, {}, {x.rank() - 1}, {1}}, x.type());
}

Val plus(Node& n, const Val& x, const Val& bias) { return bias ? n.b.add(x, bias) : x; }

using Step = void (*)(Node&, Direction&, const Val& projected);   // updates hidden and cell

// H = f(X W' + Wb + H R' + Rb)
void rnn_step(Node& n, Direction& d, const Val& projected) {
  const Val sum = n.b.add(projected, plus(n, times_transposed(n, d.hidden, d.r), d.hidden_bias));
  d.hidden = activate(n, d.activations[0], sum);
}

// Gates z, r, h. linear_before_reset applies the reset after the hidden product of h.
void gru_step(Node& n, Direction& d, const Val& projected) {
  const std::int64_t h = d.size;
  const bool linear = n.attr_int("linear_before_reset", 0) != 0;
  const auto rows = [&](const Val& v, std::int64_t from, std::int64_t to) {
    return n.b.slice_axis(v, 0, from * h, to * h);
  };
  const Val zr_bias = d.hidden_bias ? rows(d.hidden_bias, 0, 2) : Val(),
            h_bias = d.hidden_bias ? rows(d.hidden_bias, 2, 3) : Val();
  const Val both =
      n.b.add(n.b.slice_axis(projected, 1, 0, 2 * h), plus(n, times_transposed(n, d.hidden, rows(d.r, 0, 2)), zr_bias));
  const Val z = activate(n, d.activations[0], gate(n, both, 0, h)),
            r = activate(n, d.activations[0], gate(n, both, 1, h));
  const Val recurrent = linear ? n.b.mul(r, plus(n, times_transposed(n, d.hidden, rows(d.r, 2, 3)), h_bias))
                               : plus(n, times_transposed(n, n.b.mul(r, d.hidden), rows(d.r, 2, 3)), h_bias);
  const Val candidate = activate(n, d.activations[1], n.b.add(gate(n, projected, 2, h), recurrent));
  d.hidden = n.b.add(n.b.mul(n.b.sub(n.b.scalar(z.type(), 1), z), candidate), n.b.mul(z, d.hidden));
}

// Gates i, o, f, c; peepholes i, o, f.
void lstm_step(Node& n, Direction& d, const Val& projected) {
  const std::int64_t h = d.size;
  const Val sum = n.b.add(projected, plus(n, times_transposed(n, d.hidden, d.r), d.hidden_bias));
  const auto peep = [&](const Val& x, std::int64_t index, const Val& cell) {
    return d.peephole ? n.b.add(x, n.b.mul(cell, gate(n, d.peephole, index, h))) : x;
  };
  const Val i = activate(n, d.activations[0], peep(gate(n, sum, 0, h), 0, d.cell));
  const Val f = activate(n, d.activations[0], peep(gate(n, sum, 2, h), 2, d.cell));
  const Val c = activate(n, d.activations[1], gate(n, sum, 3, h));
  d.cell = n.b.add(n.b.mul(f, d.cell), n.b.mul(i, c));
  const Val o = activate(n, d.activations[0], peep(gate(n, sum, 1, h), 1, d.cell));
  d.hidden = n.b.mul(o, activate(n, d.activations[2], d.cell));
}

// Row `index` of a tensor [directions, ...].
Val direction_row(Node& n, const Val& v, std::int64_t index) {
  return n.b.reshape(n.b.slice_axis(v, 0, index, index + 1), Shape(v.shape().begin() + 1, v.shape().end()));
}

Direction read_direction(Node& n, std::int64_t index, std::int64_t directions, std::int64_t gates, std::int64_t batch,
                         const std::vector<std::string>& defaults) {
  Direction d;
  const Val &w = n.in(1), &r = n.in(2);
  n.require(w.rank() == 3 && r.rank() == 3 && w.dim(0) == directions && r.dim(0) == directions,
            "weights do not fit 'direction'");
  d.size = r.dim(2);
  n.require(w.dim(1) == gates * d.size && r.dim(1) == gates * d.size, "weights do not fit the number of gates");
  d.w = direction_row(n, w, index);
  d.r = direction_row(n, r, index);
  if (n.has(3)) {
    n.require(n.in(3).shape() == Shape{directions, 2 * gates * d.size}, "the bias does not fit the weights");
    const Val bias = direction_row(n, n.in(3), index);
    d.input_bias = n.b.slice_axis(bias, 0, 0, gates * d.size);
    d.hidden_bias = n.b.slice_axis(bias, 0, gates * d.size, 2 * gates * d.size);
  }
  const bool batch_first = n.attr_int("layout", 0) != 0;
  const auto state = [&](std::size_t input) {
    if (!n.has(input)) return n.b.full(n.in(0).type(), {batch, d.size}, 0);
    const Val initial = batch_first ? n.b.transpose(n.in(input), {1, 0, 2}) : n.in(input);
    n.require(initial.shape() == Shape{directions, batch, d.size}, "an initial state has another shape");
    return direction_row(n, initial, index);
  };
  d.hidden = state(5);
  if (gates == 4) {
    d.cell = state(6);
    if (n.has(7)) d.peephole = direction_row(n, n.in(7), index);
  }
  d.activations = defaults;
  if (const auto* a = n.find("activations"); a && a->strings_size() > 0) {
    n.require(a->strings_size() == directions * static_cast<std::int64_t>(defaults.size()),
              "'activations' has a wrong length");
    for (std::size_t i = 0; i < defaults.size(); ++i)
      d.activations[i] = a->strings(static_cast<int>(static_cast<std::size_t>(index) * defaults.size() + i));
  }
  return d;
}

// All steps of one direction: the hidden states in order of time, [1, 1, B, H] each.
std::vector<Val> run_direction(Node& n, Direction& d, const Val& x, Step step) {
  const std::int64_t steps = x.dim(0), batch = x.dim(1);
  const Val flat = n.b.reshape(x, {steps * batch, x.dim(2)});
  n.require(d.w.dim(1) == x.dim(2), "the weights do not fit the input's size");
  const Val projected = plus(n, times_transposed(n, flat, d.w), d.input_bias);
  std::vector<Val> states(static_cast<std::size_t>(steps));
  for (std::int64_t i = 0; i < steps; ++i) {
    const std::int64_t t = d.reverse ? steps - 1 - i : i;
    step(n, d, n.b.slice_axis(projected, 0, t * batch, (t + 1) * batch));
    states[static_cast<std::size_t>(t)] = n.b.reshape(d.hidden, {1, 1, batch, d.size});
  }
  return states;
}

void check_lengths(Node& n, std::int64_t steps) {
  if (!n.has(4)) return;
  for (const std::int64_t length : n.known_ints(4, "the sequence lengths")) {
    if (length != steps) n.not_supported("sequences shorter than the tensor");
  }
}

void recurrent(Node& n, std::int64_t gates, const std::vector<std::string>& defaults, Step step) {
  const bool batch_first = n.attr_int("layout", 0) != 0;
  n.require(n.in(0).rank() == 3, "needs a tensor [steps, batch, size]");
  if (n.has_attr("clip")) n.not_supported("clip");
  if (n.attr_int("input_forget", 0)) n.not_supported("input_forget");
  const Val x = batch_first ? n.b.transpose(n.in(0), {1, 0, 2}) : n.in(0);
  const std::int64_t steps = x.dim(0);
  n.require(steps >= 1, "an empty sequence");
  if (steps > kMaxSteps) n.not_supported(fmt::format("{} steps; at most {} are unrolled", steps, kMaxSteps));
  check_lengths(n, steps);
  const std::string direction = n.attr_string("direction", "forward");
  n.require(direction == "forward" || direction == "reverse" || direction == "bidirectional", "unknown 'direction'");
  const std::int64_t directions = direction == "bidirectional" ? 2 : 1;
  std::vector<std::vector<Val>> states;
  std::vector<Val> hidden, cell;
  for (std::int64_t i = 0; i < directions; ++i) {
    Direction d = read_direction(n, i, directions, gates, x.dim(1), defaults);
    d.reverse = direction == "reverse" || i == 1;
    states.push_back(run_direction(n, d, x, step));
    hidden.push_back(n.b.reshape(d.hidden, {1, x.dim(1), d.size}));
    if (gates == 4) cell.push_back(n.b.reshape(d.cell, {1, x.dim(1), d.size}));
  }
  std::vector<Val> sequence;
  for (std::size_t t = 0; t < static_cast<std::size_t>(steps); ++t) {
    sequence.push_back(directions == 1 ? states[0][t] : n.b.concat({states[0][t], states[1][t]}, 1));
  }
  const auto ordered = [&](const Val& v, const Axes& permutation) {
    return batch_first ? n.b.transpose(v, permutation) : v;
  };
  if (n.wants(0)) n.out(0, ordered(n.b.concat(sequence, 0), {2, 0, 1, 3}));
  if (n.wants(1)) n.out(1, ordered(n.b.concat(hidden, 0), {1, 0, 2}));
  if (n.wants(2)) n.out(2, ordered(n.b.concat(cell, 0), {1, 0, 2}));
}

void rnn(Node& n) { recurrent(n, 1, {"Tanh"}, rnn_step); }
void gru(Node& n) { recurrent(n, 3, {"Sigmoid", "Tanh"}, gru_step); }
void lstm(Node& n) { recurrent(n, 4, {"Sigmoid", "Tanh", "Tanh"}, lstm_step); }

}  // namespace

void register_recurrent(Registry& registry) { registry.insert({{"RNN", rnn}, {"GRU", gru}, {"LSTM", lstm}}); }

}  // namespace systole::frontend
