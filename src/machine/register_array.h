// One systolic array of the register engine with everything that moves at its edges: staging, weight skew, partial sums,
// accumulators (docs/machine.md section 4). State at clock edges; clock() is one edge.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "chip/chip.h"

namespace systole::machine {

// A word on a wire: int32 or the bits of an fp32, as the product's format says.
struct Operand {
  std::uint32_t bits = 0;
  bool is_float = false;
};

// One processing element. `value`, `valid` and `switching` are what it hands to its right neighbour, `sum` downwards.
struct Element {
  std::uint32_t active = 0, shadow = 0;
  Operand value;
  std::uint32_t sum = 0;
  bool valid = false, switching = false;
  bool train = false;              // it took a weight in the cycle before: the element below may take one now
};

// A row of activations on its way to the array.
struct StagedRow {
  std::vector<Operand> values;     // R
  bool valid = false, switching = false;
};
// A row of weights on its way into the shadow. `first` opens a tile.
struct WeightRow {
  std::vector<std::uint32_t> values;   // C
  bool accept = false, first = false;
};
// What the accumulators do with a row's sums.
struct AccumulatorRow {
  std::int64_t row = 0, columns = 0;
  bool valid = false, accumulate = false, is_float = false, last = false;
};
// A column of a transposed tile, read in the cycle in which its column's turn begins.
struct WeightColumn {
  std::int64_t column = -1;            // -1: none
  std::vector<std::uint32_t> values;   // R, by array row
};

class SystolicArray {
 public:
  explicit SystolicArray(const Chip& chip);

  // What the feeder and the push unit put on the wires in this cycle; then one clock edge.
  struct Inputs { StagedRow row; AccumulatorRow target; WeightRow weights; WeightColumn column; };
  void clock(Inputs inputs);

  // The last sum of a matmul is written in this cycle (to be asked before clock).
  bool ending() const;

  const Element& element(std::int64_t r, std::int64_t c) const { return elements_[static_cast<std::size_t>(r * columns_ + c)]; }
  // The word as it stands in the accumulators; 0 beyond the rows written so far.
  std::uint32_t accumulator(std::int64_t row, std::int64_t column) const;

 private:
  Element& at(std::int64_t r, std::int64_t c) { return elements_[static_cast<std::size_t>(r * columns_ + c)]; }
  void write_accumulators();
  void clock_elements();
  void clock_element(std::int64_t r, std::int64_t c, std::uint32_t weight, bool accept, bool first);

  std::int64_t rows_, columns_, feeder_, sums_;
  std::vector<Element> elements_;
  std::deque<StagedRow> staging_;                     // [k]: given k + 1 cycles ago
  std::deque<WeightRow> weights_;
  std::deque<WeightColumn> columns_read_;             // on their way, for feeder_latency > 1
  std::deque<AccumulatorRow> targets_;
  std::deque<std::vector<std::uint32_t>> bottom_;     // sums below the array, for accumulator_latency > 1
  std::vector<std::deque<std::uint32_t>> transposed_; // per column: what is left of a transposed tile
  std::vector<std::vector<std::uint32_t>> accumulators_;
};

// One step of an element: value x weight + sum in the arithmetic of the value's format.
std::uint32_t multiply_add(const Operand& value, std::uint32_t weight, std::uint32_t sum);

}  // namespace systole::machine
