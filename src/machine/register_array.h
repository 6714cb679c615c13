// One systolic array of the register engine with everything that moves at its edges: staging, weight skew, partial sums,
// accumulators (docs/machine.md section 4). State at clock edges; clock() is one edge.
//
// Every register is there to be read; where it lies in the host's memory is chosen for speed. The input registers of a row and its
// staging queue are one shift register: a window that slides over a line of words. The valid and switch bits of all rows come from
// one place, row r's r clocks later: they are one line of bits, on which element (r, c) stands at feeder_latency + r + c. Shadow
// weights move down a row with each accept of their tile: after k of them rows 0 .. k - 1 of a column hold the last k weights, newest
// first. They lie in a plane of their tile, from their wires on, where they will stand after the last accept; each column counts its
// accepts and knows its tile. While every element has work in one arithmetic, sums and active weights wait for the next clocks, so that
// several edges read and write them once (`waiting_`): the last row's sums, which the accumulators need, are there at once, the others as
// soon as somebody looks.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "chip/chip.h"
#include "machine/array_state.h"
#include "machine/register_accumulators.h"
#include "machine/register_bits.h"
#include "machine/register_kernels.h"

namespace systole::machine {

// One processing element. `value`, `valid` and `switching` are what it hands to its right neighbour, `sum` downwards.
struct Element {
  std::uint32_t active = 0, shadow = 0, value = 0, sum = 0;
  bool valid = false, switching = false;
  bool train = false;              // it took a weight in the cycle before: the element below may take one now
};

// A row of activations on its way to the array.
struct StagedRow {
  std::vector<std::uint32_t> values;   // R; count only if valid, else the wires are zero
  bool valid = false, switching = false;
  Arithmetic arithmetic = Arithmetic::kInteger;
};
// A row of weights on its way into the shadow, the last row of the tile first. `first` opens a tile; `by_columns`: the weights come as
// WeightColumns.
struct WeightRow {
  std::vector<std::uint32_t> values;   // C
  bool accept = false, first = false, by_columns = false;
};
// What the accumulators do with a row's sums.
struct AccumulatorRow {
  std::int64_t row = 0, columns = 0;
  bool valid = false, accumulate = false, last = false;
  Arithmetic arithmetic = Arithmetic::kInteger;
};
// A column of a transposed tile, read in the cycle in which its column's turn begins.
struct WeightColumn {
  std::int64_t column = -1;            // -1: none
  std::vector<std::uint32_t> values;   // R, by array row
};

class SystolicArray {
 public:
  // `operands`: what the products' formats allow.
  explicit SystolicArray(const Chip& chip, Operands operands = Operands::kWords);
  SystolicArray(const SystolicArray&) = delete;
  SystolicArray& operator=(const SystolicArray&) = delete;

  // What the feeder and the push unit put on the wires in a cycle. A row that switches comes when the last row of weights of its tile has come.
  struct Inputs {
    StagedRow row;
    AccumulatorRow target;
    WeightRow weights;
    WeightColumn column;
    void clear();                      // nothing on the wires
  };
  void clock(const Inputs& inputs);

  // Is the last sum of a matmul written in this cycle? To be asked before clock; `last_row`: the feeder gives a matmul's last row
  // in this cycle (which matters only where the whole way takes no cycle).
  bool ending(bool last_row) const;

  std::int64_t rows() const { return rows_; }
  std::int64_t columns() const { return columns_; }
  Element element(std::int64_t r, std::int64_t c) const;
  // The staging queue of row r: word k was given k + 1 clocks ago, 0 <= k < staging_depth(r).
  std::int64_t staging_depth(std::int64_t r) const { return feeder_ + r; }
  std::uint32_t staged(std::int64_t r, std::int64_t k) const;
  bool staged_valid(std::int64_t k) const;             // the row given k + 1 clocks ago; the same for all rows of the array
  bool staged_switching(std::int64_t k) const { return switch_line_.test(k); }
  // What stands at column c's top wires and acts at the next edge.
  bool accept(std::int64_t c) const { return stage_accept_.test(feeder_ + c - 1); }
  bool accept_first(std::int64_t c) const { return stage_first_.test(feeder_ + c - 1); }
  std::uint32_t top_weight(std::int64_t c) const;
  // Accepts of the latest tile that column c has had.
  std::int64_t accepts(std::int64_t c) const { return taken_[static_cast<std::size_t>(c)]; }
  // The word as it stands in the accumulators; 0 outside.
  std::uint32_t accumulator(std::int64_t row, std::int64_t column) const { return accumulators_.word(row, column); }
  std::int64_t accumulator_rows() const { return accumulators_.rows(); }
  Accumulators& accumulators() { return accumulators_; }
  ArrayState state() const;

 private:
  struct Target {                                     // an AccumulatorRow as the accumulators need it
    std::int64_t row = 0;
    std::int32_t columns = 0;
    std::uint32_t keep = 0;                           // mask of what the accumulators held
    bool last = false;
    Arithmetic arithmetic = Arithmetic::kInteger;
  };
  std::int64_t next_plane(std::int64_t plane) const { return plane + 1 < planes_ ? plane + 1 : 0; }
  std::uint8_t* shadow_plane(std::int64_t plane) const { return shadow_ + plane * plane_bytes_; }
  std::uint32_t shadow(std::int64_t r, std::int64_t c) const {
    const std::int64_t plane = plane_[static_cast<std::size_t>(c)], taken = taken_[static_cast<std::size_t>(c)];
    if (taken == rows_ || r >= taken) return get_operand(operands_, shadow_plane(plane), r * pitch_ + c);   // all taken: it is the column's tile
    return get_operand(operands_, shadow_plane(next_plane(plane)), (rows_ - taken + r) * pitch_ + c);
  }
  void give_row(const StagedRow& row);
  void give_weights(const WeightRow& row, const WeightColumn& column);
  void clock_switches();
  void clock_sums();
  std::optional<Arithmetic> everywhere() const;
  ArrayPlanes planes(std::int64_t head) const;
  void catch_up() const;
  void clock_shadow();
  void write_accumulators();
  std::int64_t columns_alike(std::int64_t way, std::int64_t c) const;
  const Target& target(std::int64_t clocks_ago) const { return targets_[(tick_ - static_cast<std::uint64_t>(clocks_ago)) & (targets_.size() - 1)]; }
  void give_target(const AccumulatorRow& row);

  std::int64_t rows_, columns_, last_diagonal_, feeder_, sums_, pitch_, mask_words_;

  // Elements: planes [R][pitch].
  Operands operands_;
  int fraction_;  // of the Qm.n that it multiplies, if any
  std::vector<std::uint8_t> storage_;
  std::uint8_t* active_;
  std::uint32_t *sum_, *zeros_;
  std::uint32_t* bottom_;                             // [accumulator_latency + 1][pitch]: the last row's sums of clock t at t
  // Tiles of shadow weights, one plane each, in turn: as many as can be on their way over the columns, or waited for, at once, and two.
  std::uint8_t* shadow_;
  std::int64_t planes_, plane_bytes_;
  std::int64_t given_plane_ = 0, given_rows_ = 0;     // of the tile that the push unit gives
  std::vector<std::int32_t> plane_;                   // per column: the plane of its tile
  std::vector<std::int32_t> taken_;                   // per column: accepts of the latest tile so far
  std::vector<std::uint64_t> accepted_;               // bits of columns: an accept in the last clock
  std::array<ShiftBits, kArithmetics> valid_line_;
  ShiftBits switch_line_;
  // Values: row r's registers (r, c) stand at line r, head + c; its staging queue in front of them, newest first.
  std::vector<std::uint8_t> lines_;
  std::int64_t line_pitch_, head_;

  ShiftBits stage_accept_, stage_first_, stage_last_, stage_target_;   // on their way to the columns
  ShiftBits stage_break_;                             // a target that is not the row after the one before, handled alike
  std::vector<Target> targets_;                       // given in clock t: at t modulo a power of two
  std::vector<std::int32_t> places_;                  // sum_place of each column
  Accumulators accumulators_;

  // Clocks for which something is still on its way; without, an edge changes nothing.
  std::int64_t live_ = 0, value_live_ = 0, shadow_live_ = 0;
  std::array<std::int64_t, kArithmetics> valid_live_{};
  std::uint64_t tick_ = 0;

  std::vector<SwitchFront> fronts_;                   // switches on their way through the array, in the order in which they came

  // Clocks whose sums but the last row's are still to be made, every one in this arithmetic, and head_ as it was in the last of them.
  mutable int waiting_ = 0;
  Arithmetic waiting_arithmetic_ = Arithmetic::kInteger;
  std::int64_t waiting_head_ = 0;
};

}  // namespace systole::machine
