#include "compile/emitter.h"

#include <algorithm>

namespace systole::compile {

using isa::kUnits;
using isa::UnitId;

void Object::inherit(const Object& other) {
  for (std::size_t u = 0; u < kUnits; ++u) {
    last_write[u] = std::max({last_write[u], other.last_write[u], other.last_read[u]});
  }
}

// Takes a token from `unit`'s instruction at `position`, and with it all that is known once that has ended.
void Emitter::need(UnitId waiter, int unit, std::int64_t position, std::uint16_t& wait, Clock& clock) {
  const auto u = static_cast<std::size_t>(unit);
  if (position < 0 || clock[u] >= position) return;
  wait = static_cast<std::uint16_t>(wait | (1u << unit));
  isa::Instruction& signaller = code_->code[word_[u][static_cast<std::size_t>(position)]];
  signaller.signal = static_cast<std::uint16_t>(signaller.signal | (1u << waiter));
  const Clock& theirs = at_issue_[u][static_cast<std::size_t>(position)];
  for (std::size_t i = 0; i < kUnits; ++i) clock[i] = std::max(clock[i], theirs[i]);
  clock[u] = std::max(clock[u], position);
}

void Emitter::emit(UnitId unit, isa::Body body, const std::vector<Object*>& reads, const std::vector<Object*>& writes,
                   Object* disjoint) {
  Clock clock = known_[unit];
  for (std::size_t i = 0; i < kUnits; ++i) clock[i] = std::max(clock[i], known_[isa::kScalar][i]);
  std::array<std::int64_t, kUnits> wanted;
  wanted.fill(-1);
  for (const Object* object : reads)
    for (std::size_t u = 0; u < kUnits; ++u) wanted[u] = std::max(wanted[u], object->last_write[u]);
  for (const Object* object : writes)
    for (std::size_t u = 0; u < kUnits; ++u)
      wanted[u] = std::max({wanted[u], object->last_write[u], object->last_read[u]});
  if (disjoint != nullptr) {
    for (std::size_t u = 0; u < kUnits; ++u) {
      const std::int64_t write = disjoint->last_write[u];
      wanted[u] = std::max(wanted[u], disjoint->last_read[u]);
      if (u != unit || write < kernel_start_[u]) wanted[u] = std::max(wanted[u], write);
    }
  }
  // The vector unit, the pushes and the matrix units order their own accesses (docs/machine.md, section 6).
  const bool is_dma = unit >= isa::dma_unit(0) && unit < isa::push_unit(0);
  if (!is_dma) wanted[unit] = -1;

  isa::Instruction instruction;
  instruction.body = std::move(body);
  instruction.unit = unit;
  // The unit whose token brings the most knowledge first: then others may be known already.
  std::vector<int> order;
  for (int u = 0; u < kUnits; ++u)
    if (wanted[static_cast<std::size_t>(u)] >= 0) order.push_back(u);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
    const auto word_of = [&](int u) {
      return word_[static_cast<std::size_t>(u)][static_cast<std::size_t>(wanted[static_cast<std::size_t>(u)])];
    };
    return word_of(a) > word_of(b);
  });
  for (const int u : order) need(unit, u, wanted[static_cast<std::size_t>(u)], instruction.wait, clock);

  const std::int64_t position = count_[unit]++;
  for (Object* object : reads) object->last_read[unit] = position;
  for (Object* object : writes) object->last_write[unit] = position;
  if (disjoint != nullptr) disjoint->last_write[unit] = position;
  known_[unit] = clock;
  at_issue_[unit].push_back(clock);
  word_[unit].push_back(code_->code.size());
  code_->code.push_back(std::move(instruction));
  code_->layer.push_back(layer_);
}

void Emitter::barrier(const std::vector<Object*>& objects) {
  Clock clock = known_[isa::kScalar];
  isa::Instruction instruction;
  instruction.body = isa::Barrier{};
  for (int u = 0; u < kUnits; ++u) {
    std::int64_t wanted = -1;
    for (const Object* object : objects)
      wanted = std::max(
          {wanted, object->last_write[static_cast<std::size_t>(u)], object->last_read[static_cast<std::size_t>(u)]});
    need(isa::kScalar, u, wanted, instruction.wait, clock);
  }
  known_[isa::kScalar] = clock;
  ++count_[isa::kScalar];
  at_issue_[isa::kScalar].push_back(clock);
  word_[isa::kScalar].push_back(code_->code.size());
  code_->code.push_back(std::move(instruction));
  code_->layer.push_back(layer_);
}

}  // namespace systole::compile
