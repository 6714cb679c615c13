// The Verilated chip writes FST waves: read back with GTKWave's own converter, the processing elements are the register engine's.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "base/file.h"
#include "chip/chip.h"
#include "machine/register.h"
#include "product.h"
#include "rtl/model.h"
#include "vcd_parser.h"

namespace systole {
namespace {

TEST(RtlWaves, TheTracedElementsAreTheRegisterEnginesInEveryCycle) {
  const auto chip = load_chip("systolic-4");
  ASSERT_TRUE(chip.ok());
  const isa::Program program = test::product_program(*chip);
  const std::vector<Tensor> inputs = test::product_inputs();
  const auto model = rtl::RtlModel::build(*chip, {}, true);
  ASSERT_TRUE(model.ok()) << model.error().text();

  const std::filesystem::path folder = std::filesystem::temp_directory_path() / ("systole-waves-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  rtl::RtlTrace trace;
  trace.file = (folder / "waves.fst").string();
  trace.period_numerator = 10000;      // 100 MHz in picoseconds
  const auto result = model->run(program, inputs, &trace);
  ASSERT_TRUE(result.ok()) << result.error().text();
  const std::string vcd = (folder / "waves.vcd").string();
  ASSERT_EQ(std::system(("fst2vcd '" + trace.file + "' > '" + vcd + "'").c_str()), 0) << "gtkwave is not installed: tools/install.sh";
  const auto waves = test::parse_vcd(read_text_file(vcd).value());
  ASSERT_TRUE(waves.error.empty()) << waves.error;
  EXPECT_EQ(waves.timescale, "1ps");

  auto engine = machine::RegisterEngine::create(program, *chip, inputs);
  ASSERT_TRUE(engine.ok());
  std::int64_t switched = 0;
  for (; !(*engine)->done(); (*engine)->step()) {
    const std::int64_t time = (*engine)->cycle() * 10000;
    for (int r = 0; r < 4; ++r) {
      for (int c = 0; c < 4; ++c) {
        const machine::Element& element = (*engine)->core(0).array(0).element(r, c);
        const std::string place = ".row[" + std::to_string(r) + "].column[" + std::to_string(c) + "].element.";
        const std::pair<const char*, std::uint32_t> expected[] = {
            {"active", element.active}, {"shadow", element.shadow}, {"sum", element.sum}, {"valid", element.valid}, {"switching", element.switching}};
        for (const auto& [name, value] : expected) {
          const auto* variable = waves.find(place + name);
          ASSERT_NE(variable, nullptr) << place << name;
          // A weight stands as {family of two bits, data}.
          const bool weight = std::string_view(name) == "active" || std::string_view(name) == "shadow";
          const std::uint64_t mask = (std::uint64_t{1} << (variable->width - (weight ? 2 : 0))) - 1;
          ASSERT_EQ(waves.at(variable->name, time) & mask, value & mask) << variable->name << " in cycle " << (*engine)->cycle();
        }
        switched += element.switching;
      }
    }
  }
  EXPECT_EQ(switched, 16);
  EXPECT_EQ(result->cycles, (*engine)->cycle());
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace systole
