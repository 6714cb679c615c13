// Area and cells of a small array: the netlist's instances, counted here, times the library's areas, read here. Large memories stay whole.
#include "helpers.h"

namespace systole::rtl {
namespace {

struct Sum {
  std::int64_t cells = 0, flip_flops = 0;
  double area = 0;
};

Sum sum_of(const Netlist& netlist, const std::map<std::string, double>& areas, const std::string& module) {
  Sum sum;
  for (const auto& [type, count] : netlist.at(module)) {
    const auto cell = areas.find(type);
    const Sum one = cell == areas.end() ? sum_of(netlist, areas, type) : Sum{1, type.rfind("DFF", 0) == 0 ? 1 : 0, cell->second};
    sum.cells += count * one.cells;
    sum.flip_flops += count * one.flip_flops;
    sum.area += static_cast<double>(count) * one.area;
  }
  return sum;
}

TEST(SynthArea, IsTheSumOfTheNetlistsCells) {
  const Folder folder;
  SynthOptions options;
  options.top = "array";
  options.output = folder.path.string();
  const auto chip = load_chip("systolic-2-q88");
  ASSERT_TRUE(chip.ok());
  const auto result = synthesize_gates(*chip, options);
  ASSERT_TRUE(result.ok()) << result.error().text();
  const auto areas = liberty_areas(kOsu018);
  ASSERT_EQ(areas.size(), 32u);
  EXPECT_EQ(areas.at("DFFPOSX1"), 96);
  const Sum sum = sum_of(read_netlist(folder.file("gates.v")), areas, "array");
  EXPECT_EQ(result->cells, sum.cells);
  EXPECT_EQ(result->flip_flops, sum.flip_flops);
  EXPECT_DOUBLE_EQ(result->area_um2, sum.area);

  // An element: a value and two weights, 16 bits each and 2 of their family, a sum of 32 bits, valid, switch and train.
  EXPECT_EQ(sum.flip_flops, 4 * (3 * 18 + 32 + 3));
  std::int64_t cells = 0, elements = 0;
  double area = 0;
  for (const ModuleCells& module : result->modules) {
    cells += module.instances * module.cells;
    area += static_cast<double>(module.instances) * module.area_um2;
    if (module.name == "pe") elements = module.instances;
  }
  EXPECT_EQ(elements, 4);
  EXPECT_EQ(cells, result->cells);
  EXPECT_NEAR(area, result->area_um2, 1e-6 * area);
  EXPECT_TRUE(result->memories.empty());
  EXPECT_GT(result->fmax_mhz, 0);
  EXPECT_NEAR(result->fmax_mhz * result->critical_ns, 1000, 1e-6);
}

// A word of instruction memory is written in eight parts, each a memory with a register behind its read port.
TEST(SynthArea, LargeMemoriesAreMacros) {
  SynthOptions options;
  options.top = "program_memory";
  const auto result = synthesize_gates(load_chip("systolic-2-q88").value(), options);
  ASSERT_TRUE(result.ok()) << result.error().text();
  ASSERT_EQ(result->memories.size(), 1u);
  const MemoryMacro& memory = result->memories[0];
  EXPECT_EQ(memory.module, "program_memory");
  EXPECT_EQ(memory.instances, 8);
  EXPECT_EQ(memory.words, 65536);
  EXPECT_EQ(memory.width, 32);
  EXPECT_EQ(memory.reads, 1);
  EXPECT_EQ(memory.writes, 1);
  EXPECT_EQ(result->sram_bits, 65536 * 256);
  EXPECT_EQ(result->flip_flops, 0);
}

}  // namespace
}  // namespace systole::rtl
