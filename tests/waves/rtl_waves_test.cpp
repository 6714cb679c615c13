// The Verilated chip writes FST waves: read back with GTKWave's own converter, the processing elements are the register engine's.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <map>

#include "base/file.h"
#include "chip/chip.h"
#include "machine/register.h"
#include "rtl/model.h"
#include "vcd_parser.h"

namespace systole {
namespace {

constexpr const char* kProduct =
    "chip \"systolic-4\" format=\"int8\"\n"
    "memory hbm=128 vmem=64\n"
    "input \"x\" type=i8 shape=4x4 space=hbm address=0\n"
    "input \"w\" type=i8 shape=4x4 space=hbm address=16\n"
    "output \"y\" type=i32 shape=4x4 space=hbm address=64\n"
    "core 0\n"
    "  dma0: load far=0x0 local=0x0 bytes=32 signal=push0,mxu0\n"
    "  push0: push weights=0x10 pitch=4 rows=4 columns=4 type=i8 format=i8 wait=dma0 signal=mxu0\n"
    "  mxu0: pad step_pitch=4 type=i8\n"
    "  mxu0: matmul source=0x0 out_columns=4 length=4 columns=4 format=i8 wait=dma0,push0 signal=dma0\n"
    "  dma0: store far=0x40 local_space=accumulators local=0x0 bytes=16 rows=4 pitch=16 wait=mxu0\n"
    "  scalar: halt\n";

Tensor bytes(std::int64_t start, std::int64_t step) {
  Tensor tensor(DType::kI8, {4, 4});
  for (std::int64_t i = 0; i < 16; ++i) tensor.mutable_raw()[i] = static_cast<std::uint8_t>(start + i * step);
  return tensor;
}

TEST(RtlWaves, TheTracedElementsAreTheRegisterEnginesInEveryCycle) {
  const auto chip = load_chip("systolic-4");
  ASSERT_TRUE(chip.ok());
  auto program = isa::assemble(kProduct, "product");
  ASSERT_TRUE(program.ok()) << program.error().text();
  program->fingerprint = chip->fingerprint();
  const std::vector<Tensor> inputs = {bytes(-7, 3), bytes(11, -5)};
  const auto model = rtl::RtlModel::build(*chip, {}, true);
  ASSERT_TRUE(model.ok()) << model.error().text();

  const std::filesystem::path folder = std::filesystem::temp_directory_path() / ("systole-waves-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  rtl::RtlTrace trace;
  trace.file = (folder / "waves.fst").string();
  trace.period_numerator = 10000;      // 100 MHz in picoseconds
  const auto result = model->run(*program, inputs, &trace);
  ASSERT_TRUE(result.ok()) << result.error().text();
  const std::string vcd = (folder / "waves.vcd").string();
  ASSERT_EQ(std::system(("fst2vcd '" + trace.file + "' > '" + vcd + "'").c_str()), 0) << "gtkwave is not installed: tools/install.sh";
  const auto waves = test::parse_vcd(read_text_file(vcd).value());
  ASSERT_TRUE(waves.error.empty()) << waves.error;
  EXPECT_EQ(waves.timescale, "1ps");

  auto engine = machine::RegisterEngine::create(*program, *chip, inputs);
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
          const std::uint64_t mask = (std::uint64_t{1} << variable->width) - 1;
          ASSERT_EQ(waves.at(variable->name, time), value & mask) << variable->name << " in cycle " << (*engine)->cycle();
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
