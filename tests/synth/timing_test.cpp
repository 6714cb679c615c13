// OpenSTA against the library's own tables: two flip-flops, one behind the other, whose one path can be worked out by hand.
#include <array>

#include "helpers.h"
#include "rtl/synth_timing.h"

namespace systole::rtl {
namespace {

struct Table {
  std::vector<double> rows, columns, values;

  // Bilinear within the table and beyond its ends, as NLDM has it.
  double at(double row, double column) const {
    const auto place = [](const std::vector<double>& axis, double x) {
      std::size_t i = 0;
      while (i + 2 < axis.size() && axis[i + 1] <= x) ++i;
      return std::pair{i, (x - axis[i]) / (axis[i + 1] - axis[i])};
    };
    const auto [i, u] = place(rows, row);
    const auto [j, v] = place(columns, column);
    const auto value = [&](std::size_t r, std::size_t c) { return values[r * columns.size() + c]; };
    return (1 - u) * ((1 - v) * value(i, j) + v * value(i, j + 1)) + u * ((1 - v) * value(i + 1, j) + v * value(i + 1, j + 1));
  }
};

std::vector<double> numbers(const std::string& text) {
  std::vector<double> found;
  const char* at = text.c_str();
  while (*at != '\0') {
    char* end = nullptr;
    const double value = std::strtod(at, &end);
    if (end != at) found.push_back(value);
    at = end != at ? end : at + 1;
  }
  return found;
}

// The text from `name (` or `name(` after each of the marks in turn.
std::size_t find_marks(const std::string& text, const std::vector<std::string>& marks) {
  std::size_t at = 0;
  for (const std::string& mark : marks) at = text.find(mark, at);
  return at;
}

Table table(const std::string& text, const std::vector<std::string>& marks) {
  const std::size_t at = find_marks(text, marks);
  const auto list = [&](const std::string& name) {
    const std::size_t open = text.find('(', text.find(name, at)), close = text.find(')', open);
    return numbers(text.substr(open, close - open));
  };
  return {list("index_1"), list("index_2"), list("values")};
}

double number(const std::string& text, const std::vector<std::string>& marks) {
  return std::strtod(text.c_str() + find_marks(text, marks) + marks.back().size(), nullptr);
}

// From a flip-flop's clock to the next one's, setup included.
double flip_flop_to_flip_flop_ns() {
  const std::string library = text_of(kOsu018), cell = "cell (DFFPOSX1)";
  double longest = 0;
  for (const char* edge : {"rise", "fall"}) {
    const std::string e = edge;
    const double load = number(library, {cell, "pin(D)", e + "_capacitance :"});
    const double delay = table(library, {cell, "pin(Q)", "cell_" + e + "("}).at(load, 0);           // the ideal clock's edge takes no time
    const double slope = table(library, {cell, "pin(Q)", e + "_transition("}).at(load, 0);
    const double setup = table(library, {cell, "pin(D)", "setup_rising", e + "_constraint("}).at(0, slope);
    longest = std::max(longest, delay + setup);
  }
  return longest;
}

TEST(SynthTiming, TwoFlipFlopsAsTheLibrarysTablesSay) {
  const auto scratch = Scratch::make();
  ASSERT_TRUE(scratch.ok());
  ASSERT_TRUE(write_file(scratch->file("timing.v"), std::string("module top (clk, d, q);\n  input clk, d;\n  output q;\n  wire between;\n"
                                                                "  DFFPOSX1 first (.CLK(clk), .D(d), .Q(between));\n"
                                                                "  DFFPOSX1 second (.CLK(clk), .D(between), .Q(q));\nendmodule\n")).ok());
  Design design;
  design.top = "top";
  design.ports["top"] = {{"clk", false, 1}, {"d", false, 1}, {"q", true, 1}};
  GateResult result;
  const Status status = analyze_timing(*scratch, design, kOsu018, result);
  ASSERT_TRUE(status.ok()) << status.error().text();
  EXPECT_GT(flip_flop_to_flip_flop_ns(), 0.1);
  EXPECT_NEAR(result.critical_ns, flip_flop_to_flip_flop_ns(), 0.006);   // OpenSTA writes hundredths
  EXPECT_EQ(result.from, "first");
  EXPECT_EQ(result.to, "second");
}

// A memory as a whole has a flip-flop at each of its ports and no other path.
TEST(SynthTiming, AMemorysPortsAreFlipFlops) {
  const auto scratch = Scratch::make();
  ASSERT_TRUE(scratch.ok());
  ASSERT_TRUE(write_file(scratch->file("timing.v"), std::string("module top (clk, d, q);\n  input clk, d;\n  output q;\n  wire between;\n"
                                                                "  store memory (.clk(clk), .given(between), .got(between));\n"
                                                                "  DFFPOSX1 other (.CLK(clk), .D(d), .Q(q));\nendmodule\n")).ok());
  Design design;
  design.top = "top";
  design.macros = {"store"};
  design.ports["top"] = {{"clk", false, 1}, {"d", false, 1}, {"q", true, 1}};
  design.ports["store"] = {{"clk", false, 1}, {"given", false, 1}, {"got", true, 1}};
  GateResult result;
  const Status status = analyze_timing(*scratch, design, kOsu018, result);
  ASSERT_TRUE(status.ok()) << status.error().text();
  EXPECT_NEAR(result.critical_ns, flip_flop_to_flip_flop_ns(), 0.006);
  EXPECT_EQ(result.from, "memory/got_0");
  EXPECT_EQ(result.to, "memory/given_0");
}

TEST(SynthTiming, HalfADesignIsNotTimed) {
  const auto scratch = Scratch::make();
  ASSERT_TRUE(scratch.ok());
  ASSERT_TRUE(write_file(scratch->file("timing.v"), std::string("module top (clk, d, q);\n  input clk, d;\n  output q;\n"
                                                                "  DFFPOSX1 first (.CLK(clk), .D(d), .Q(q));\n  unknown second (.a(q));\nendmodule\n")).ok());
  Design design;
  design.top = "top";
  design.ports["top"] = {{"clk", false, 1}, {"d", false, 1}, {"q", true, 1}};
  GateResult result;
  EXPECT_FALSE(analyze_timing(*scratch, design, kOsu018, result).ok());
}

}  // namespace
}  // namespace systole::rtl
