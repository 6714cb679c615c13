// A testbench's waves, if the model was built with --trace-fst; else nothing.
#pragma once

#include <cstdint>
#include <cstdlib>

#if VM_TRACE_FST
#include "verilated_fst_c.h"
#endif

// The clock falls in the middle of its period and rises at the end; what rises there stands in the next period.
class FstWaves {
 public:
#if VM_TRACE_FST
  static constexpr bool kPossible = true;
  // arguments: FST FIRST LAST UNIT PERIOD_NUMERATOR PERIOD_DENOMINATOR. Cycles FIRST .. LAST; clock k begins at k x PERIOD units.
  template <typename Model>
  void open(Model& model, char** arguments) {
    model.trace(&file_, 99);
    first_ = std::strtoull(arguments[1], nullptr, 10);
    last_ = std::strtoull(arguments[2], nullptr, 10);
    file_.set_time_unit(arguments[3]);
    file_.set_time_resolution(arguments[3]);
    numerator_ = std::strtoull(arguments[4], nullptr, 10);
    denominator_ = std::strtoull(arguments[5], nullptr, 10);
    file_.open(arguments[0]);
  }
  // What stands `half` half clocks after the start, in `cycle` of the machine.
  void dump(std::uint64_t cycle, std::uint64_t half) {
    if (!file_.isOpen() || cycle < first_ || cycle > last_) return;
    const auto scaled = static_cast<unsigned __int128>(half) * numerator_ + denominator_;
    file_.dump(static_cast<std::uint64_t>(scaled / (2 * denominator_)));
  }
  void close() { if (file_.isOpen()) file_.close(); }

 private:
  VerilatedFstC file_;
  std::uint64_t first_ = 0, last_ = 0, numerator_ = 1, denominator_ = 1;
#else
  static constexpr bool kPossible = false;
  template <typename Model>
  void open(Model&, char**) {}
  void dump(std::uint64_t, std::uint64_t) {}
  void close() {}
#endif
};
