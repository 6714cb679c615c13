#include "report/waves_rtl.h"

#include <fmt/format.h>

namespace systole::report {
namespace {

struct Entry {
  const char* name;
  int width = 1;
  WaveFormat format = WaveFormat::kBit;
};

class List {
 public:
  explicit List(std::string top) : top_(std::move(top)) {}
  void add(const std::string& group, const std::vector<std::string>& scope, const std::vector<Entry>& entries) {
    std::vector<std::string> path = {"TOP", top_};
    path.insert(path.end(), scope.begin(), scope.end());
    for (const Entry& e : entries) signals_.push_back({path, e.name, e.width, e.format, group, false, {}});
  }
  std::vector<Signal> take() { return std::move(signals_); }

 private:
  std::string top_;
  std::vector<Signal> signals_;
};

constexpr WaveFormat kUnsigned = WaveFormat::kUnsigned, kSigned = WaveFormat::kSigned, kHex = WaveFormat::kHex, kFixed = WaveFormat::kFixed8;

std::string at(const char* name, std::int64_t i) { return fmt::format("{}[{}]", name, i); }

// Sums as the chip's own format reads them.
WaveFormat sum_format(const Chip& chip) {
  if (is_fixed(chip.default_format)) return fixed_format(fraction_bits(chip.default_format));
  return is_float(chip.default_format) ? WaveFormat::kFloat32 : WaveFormat::kSigned;
}

}  // namespace

std::vector<Signal> rtl_signals(const Chip& chip, const RtlWidths& widths) {
  List list("systole");
  list.add("sequencer", {"fetch"}, {{"pc", widths.program_counter, kUnsigned}, {"opcode", 8, kUnsigned}, {"unit", 4, kUnsigned}, {"done"}, {"depth", 3, kUnsigned}});
  const std::int64_t units = chip.dma_engines + 3;   // DMA engines, push, matrix, vector
  const auto name = [&](std::int64_t u) { return u < chip.dma_engines ? fmt::format("dma{}", u) : u == units - 3 ? "push" : u == units - 2 ? "matrix" : "vector"; };
  for (std::int64_t u = 0; u < units; ++u) list.add("queues: " + name(u), {at("unit", u), "queue"}, {{"busy"}, {"issue"}, {"finishing"}, {"full"}, {"empty"}, {"visible"}});
  for (std::int64_t d = 0; d < chip.dma_engines; ++d) {
    list.add("dma", {at("transfer", d), "engine"},
             {{"request"}, {"request_write"}, {"request_address", 36, kHex}, {"grant"}, {"answer"}, {"rows_left", 16, kUnsigned}, {"offset", 24, kUnsigned}, {"local_here", 32, kHex}});
    list.add("axi", {at("transfer", d), "bus"},
             {{"araddr", 36, kHex}, {"arvalid"}, {"arready"}, {"rvalid"}, {"awaddr", 36, kHex}, {"awvalid"}, {"awready"}, {"wvalid"}, {"bvalid"}, {"second"}});
  }
  list.add("push and feeder", {"push_unit"}, {{"busy"}, {"here", 32, kHex}, {"row", 10, kUnsigned}, {"tile_done"}});
  list.add("push and feeder", {"matrix_feeder"},
           {{"busy"}, {"here", 32, kHex}, {"images_left", 12, kUnsigned}, {"out_rows_left", 14, kUnsigned}, {"out_columns_left", 20, kUnsigned}, {"h", 32, kSigned}, {"valid"}, {"switching"}});
  const int element = widths.operand + 2;   // data under the family of its arithmetic
  const int sum = is_fixed(chip.default_format) ? kFixedBits : 32;
  for (std::int64_t r = 0; r < std::min<std::int64_t>(chip.mxu.rows, kElementsShown); ++r) {
    for (std::int64_t c = 0; c < std::min<std::int64_t>(chip.mxu.columns, kElementsShown); ++c) {
      list.add("array", {"elements", at("row", r), at("column", c), "element"},
               {{"value", element, kHex}, {"valid"}, {"switching"}, {"active", element, kHex}, {"shadow", element, kHex}, {"train"}, {"sum", sum, sum_format(chip)}});
    }
  }
  list.add("vector unit", {"vector_unit"}, {{"busy"}, {"finishing"}});
  return list.take();
}

std::vector<Signal> tinytpu_rtl_signals() {
  List list("tinytpu_probe");
  list.add("sequencer", {"dut", "sequencer"},
           {{"pc", 10, kUnsigned}, {"issue"}, {"waiting"}, {"halted"}, {"hold", 24, kUnsigned}, {"depth", 3, kUnsigned}, {"held_pathway", 4, kHex}});
  for (const char* element : {"pe11", "pe12", "pe21", "pe22"}) {
    list.add("array", {"dut", "array", element},
             {{"input_out", 16, kFixed}, {"valid_out"}, {"switch_out"}, {"active", 16, kFixed}, {"shadow", 16, kFixed}, {"weight_out", 16, kFixed}, {"sum_out", 16, kFixed}});
  }
  for (const char* lane : {"lane1", "lane2"}) {
    list.add("vector unit", {"dut", lane},
             {{"bias", 16, kFixed}, {"bias_valid"}, {"leaky", 16, kFixed}, {"leaky_valid"}, {"loss", 16, kFixed}, {"loss_valid"}, {"derivative", 16, kFixed}, {"derivative_valid"}});
  }
  list.add("buffer", {"dut", "buffer"}, {{"write_pointer", 16, kUnsigned}, {"descent_pointer", 12, kUnsigned}, {"input_valid", 2, kHex}, {"weight_valid", 2, kHex}, {"mode"}, {"append", 2, kHex}});
  return list.take();
}

}  // namespace systole::report
