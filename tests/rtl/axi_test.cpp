// The RTL's AXI ports: the control slave by itself, bursts at every place of a bus line, and memories that take and answer when they like.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <random>

#include "base/file.h"
#include "machine/event.h"
#include "rtl/generate.h"
#include "rtl/model.h"
#include "rtl/random_kernel.h"
#include "rtl/token_writer.h"
#include "rtl/verilate.h"

namespace systole::rtl {
namespace {

TEST(AxiControl, TheSlaveDoesWhatTheMapSays) {
  const auto chip = load_chip("systolic-4");
  ASSERT_TRUE(chip.ok());
  const auto bench = read_text_file(std::string(SYSTOLE_SOURCE_DIR) + "/tests/rtl/axi_control_bench.cpp");
  ASSERT_TRUE(bench.ok());
  std::vector<HardwareText> texts = {{"chip.sv", chip_package(*chip)}};
  for (const SourceText& source : source_texts()) {
    if (source.name == "axi_control.sv" || source.name == "axi_checker.h") texts.push_back({std::string(source.name), std::string(source.text)});
  }
  texts.push_back({"testbench.cpp", *bench});
  const auto program = verilate("axi-control", texts, "axi_control", {});
  ASSERT_TRUE(program.ok()) << program.error().text();
  for (int i = 0; i < 20; ++i) {
    const std::uint32_t seed = std::random_device{}();
    EXPECT_EQ(std::system(("'" + *program + "' " + std::to_string(seed)).c_str()), 0) << "seed " << seed;
  }
}

// Rows of 37 bytes, loaded from every place of a line and stored to every other: far bytes p + r x pitch go to q + r x 41.
TEST(AxiMaster, BurstsAtEveryPlaceOfALineMoveTheirBytesInTheMachinesTime) {
  for (const char* name : {"systolic-4", "systolic-2-q88"}) {
    auto chip = load_chip(name);
    ASSERT_TRUE(chip.ok());
    if (chip->mxu.rows == 2) {   // the fastest memory that the bus can serve, and a wide one
      chip->vpu.present = false;
      chip->dma_engines = 3;
      chip->hbm.burst_bytes = 64;
      chip->hbm.bandwidth = {32, 1};
      chip->hbm.latency_cycles = kLeastLatency;
    }
    const std::int64_t line = chip->hbm.burst_bytes, block = 1024, bytes = 37, rows = 5, pitch = 53, out_pitch = 41;
    Random random(7);
    Tensor image(DType::kU8, {4096 + line * block});
    for (std::int64_t i = 0; i < 4096; ++i) image.mutable_raw()[i] = static_cast<std::uint8_t>(random.bits());
    Tensor expected = image;
    TokenWriter writer;
    for (std::int64_t p = 0; p < line; ++p) {
      const std::int64_t from = 3800 - 5 * p, to = 4096 + p * block + (p * 7) % line, local = p * 256;
      const auto engine = isa::dma_unit(static_cast<int>(p % 2));
      writer.add(isa::Load{.far = from, .local = local, .bytes = bytes, .rows = rows, .pitch = pitch}, engine, {{isa::Space::kVmem, local, local + 256, true}});
      writer.add(isa::Store{.far = to, .local = local, .bytes = bytes, .rows = rows, .pitch = out_pitch}, isa::dma_unit(static_cast<int>(p / 2 % 2)),
                 {{isa::Space::kVmem, local, local + 256, false}});
      for (std::int64_t r = 0; r < rows; ++r) {
        for (std::int64_t i = 0; i < bytes; ++i) expected.mutable_raw()[to + r * out_pitch + i] = image.raw()[from + r * pitch + i];
      }
    }
    isa::Program program;
    program.chip = chip->name;
    program.fingerprint = chip->fingerprint();
    program.cores.resize(1);
    program.cores[0].code = writer.take();
    program.cores[0].code.push_back({isa::Halt{}});
    program.cores[0].layer.assign(program.cores[0].code.size(), 0);
    program.layers = {{"kernel", "copy", 0}};
    program.inputs = {{"memory", DType::kU8, image.shape(), isa::Space::kHbm, 0}};
    program.outputs = program.inputs;
    program.hbm_bytes = image.bytes();
    program.vmem_bytes = chip->vmem_bytes;
    const auto model = RtlModel::build(*chip);
    ASSERT_TRUE(model.ok()) << model.error().text();
    const auto time = machine::simulate_time(program, *chip);
    ASSERT_TRUE(time.ok()) << time.error().text();
    const auto result = model->run(program, {image});
    ASSERT_TRUE(result.ok()) << result.error().text();
    EXPECT_TRUE(result->outputs[0].same_bits(expected)) << name;
    EXPECT_EQ(result->cycles, time->cycles) << name;
    const auto awkward = model->run_awkward(program, {image}, 5);
    ASSERT_TRUE(awkward.ok()) << awkward.error().text();
    EXPECT_TRUE(awkward->outputs[0].same_bits(expected)) << name;
  }
}

// A memory that is no machine's: other cycles, the same bytes.
TEST(AxiMaster, AnyLegalMemoryGivesTheSameBytes) {
  const auto chip = load_chip("systolic-4");
  ASSERT_TRUE(chip.ok());
  const auto model = RtlModel::build(*chip);
  ASSERT_TRUE(model.ok()) << model.error().text();
  const std::uint64_t seed = std::random_device{}() % 1000000;
  std::cout << "seed " << seed << "\n";
  std::int64_t other_cycles = 0;
  for (std::uint64_t i = 0; i < 12; ++i) {
    Random random(seed + i);
    const Kernel kernel = random_kernel(random, *chip);
    const auto rule = model->run(kernel.program, kernel.inputs);
    const auto awkward = model->run_awkward(kernel.program, kernel.inputs, seed + i);
    ASSERT_TRUE(rule.ok()) << rule.error().text() << " seed " << seed + i;
    ASSERT_TRUE(awkward.ok()) << awkward.error().text() << " seed " << seed + i;
    EXPECT_EQ(awkward->hbm, rule->hbm) << "seed " << seed + i;
    other_cycles += awkward->cycles != rule->cycles ? 1 : 0;
  }
  EXPECT_GT(other_cycles, 0);
}

TEST(AxiMaster, NamesTheFigureOfAMemoryThatTheBusCannotServe) {
  const auto chip = load_chip("systolic-4");
  ASSERT_TRUE(chip.ok());
  const auto place = [](const Chip& other) {
    const auto status = check_chip(other);
    return status.ok() ? std::string() : status.error().text();
  };
  EXPECT_EQ(place(*chip), "");
  Chip other = *chip;
  other.hbm.bandwidth.bytes = 8;   // a burst of 16 bytes every two cycles
  EXPECT_EQ(place(other), "");
  other.hbm.bandwidth.bytes = 9;
  EXPECT_NE(place(other).find("hbm.bandwidth"), std::string::npos);
  other = *chip;
  other.hbm.burst_bytes = 24;
  EXPECT_NE(place(other).find("hbm.burst_bytes"), std::string::npos);
  other.hbm.burst_bytes = 256;
  EXPECT_NE(place(other).find("hbm.burst_bytes"), std::string::npos);
  other = *chip;
  other.hbm.latency_cycles = kLeastLatency;
  EXPECT_EQ(place(other), "");
  other.hbm.latency_cycles = kLeastLatency - 1;
  EXPECT_NE(place(other).find("hbm.latency_cycles"), std::string::npos);
}

}  // namespace
}  // namespace systole::rtl
