// The catalogue: every chip reads, states its figures as published, and gives a source for every number.
#include <gtest/gtest.h>

#include <set>

#include "chip/catalogue.h"
#include "chip/chip.h"

namespace systole {
namespace {

Chip load(const std::string& name) {
  auto chip = load_chip(name);
  EXPECT_TRUE(chip.ok()) << (chip.ok() ? "" : chip.error().text());
  return chip.ok() ? *chip : Chip{};
}

TEST(Catalogue, HoldsTheNamedChips) {
  const std::vector<std::string> expected = {"edge-tpu",        "systolic-128",   "systolic-128-plain", "systolic-16",
                                             "systolic-2-q412", "systolic-2-q88", "systolic-32",        "systolic-4",
                                             "systolic-8",      "tinytpu",        "tinytpu-bram",       "tpu-v1",
                                             "tpu-v4"};
  EXPECT_EQ(catalogue(), expected);
}

TEST(Catalogue, EveryChipReadsUnderItsOwnName) {
  for (const std::string& name : catalogue()) EXPECT_EQ(load(name).name, name);
}

TEST(Catalogue, EveryNumberHasASource) {
  for (const std::string& name : catalogue()) {
    const Chip chip = load(name);
    for (const char* field : {"clock_hz", "cores", "mxu.count", "mxu.rows", "mxu.columns", "mxu.accumulator_rows", "vpu.lanes",
                              "vpu.sublanes", "vpu.strided_cycles", "vmem_bytes", "dma_engines", "hbm.capacity_bytes", "hbm.bandwidth",
                              "hbm.burst_bytes", "hbm.latency_cycles", "timing.control_cycles", "timing.queue_depth",
                              "timing.feeder_latency", "timing.accumulator_latency", "timing.vector_latency", "timing.barrier_cycles"}) {
      const auto source = chip.sources.find(field);
      ASSERT_NE(source, chip.sources.end()) << name << ": " << field;
      EXPECT_FALSE(source->second.empty()) << name << ": " << field;
    }
  }
}

// A number of a chip that exists is a citation or says that it is an estimate; the format's defaults are neither.
TEST(Catalogue, RealChipsLeaveNoNumberToADefault) {
  for (const char* name : {"tpu-v1", "tpu-v4", "edge-tpu"}) {
    for (const auto& [field, source] : load(name).sources) EXPECT_FALSE(source.starts_with("default")) << name << ": " << field;
  }
}

TEST(Catalogue, FingerprintsDiffer) {
  std::set<std::uint64_t> seen;
  for (const std::string& name : catalogue()) EXPECT_TRUE(seen.insert(load(name).fingerprint()).second) << name;
}

// arXiv 1704.04760: 92 TOPS = 2 x 65,536 x 700 MHz; 64 KiB of weights take about 1349 cycles of 34 GB/s.
TEST(Catalogue, TpuV1) {
  const Chip chip = load("tpu-v1");
  EXPECT_DOUBLE_EQ(chip.peak_macs_per_second(), 65536 * 700e6);
  EXPECT_DOUBLE_EQ(static_cast<double>(chip.hbm.bandwidth.bytes) / static_cast<double>(chip.hbm.bandwidth.cycles) * 700e6, 34e9);
  EXPECT_EQ(chip.vmem_bytes, 24 << 20);
  EXPECT_EQ(chip.mxu.accumulator_rows * chip.mxu.columns * 4, 4 << 20);
  EXPECT_EQ(chip.default_format, DType::kI8);
  EXPECT_TRUE(chip.multiplies(DType::kI16));
  EXPECT_FALSE(chip.multiplies(DType::kBF16));
}

// arXiv 2304.01433: 275 TFLOPS, 1200 GB/s.
TEST(Catalogue, TpuV4) {
  const Chip chip = load("tpu-v4");
  EXPECT_NEAR(2 * chip.peak_macs_per_second(), 275e12, 0.5e12);
  EXPECT_DOUBLE_EQ(static_cast<double>(chip.hbm.bandwidth.bytes) / static_cast<double>(chip.hbm.bandwidth.cycles) * 1050e6, 1200e9);
  EXPECT_TRUE(chip.cmem.present);
  EXPECT_EQ(chip.cmem.capacity_bytes, 128 << 20);
}

// The data sheet's 4 TOPS.
TEST(Catalogue, EdgeTpu) { EXPECT_NEAR(2 * load("edge-tpu").peak_macs_per_second(), 4e12, 0.1e12); }

TEST(Catalogue, PlainIsFree) {
  const Chip chip = load("systolic-128-plain");
  EXPECT_TRUE(chip.hbm.bandwidth.free());
  EXPECT_FALSE(chip.mxu.weight_double_buffer);
  EXPECT_EQ(chip.mxu.accumulator_rows, 0);
  EXPECT_EQ(chip.timing.control_cycles + chip.timing.feeder_latency + chip.timing.accumulator_latency, 0);
}

TEST(Catalogue, AnUnknownNameIsAnErrorThatSuggests) {
  const auto chip = load_chip("systolic8");
  ASSERT_FALSE(chip.ok());
  EXPECT_EQ(chip.error().code, ErrorCode::kNotFound);
  EXPECT_NE(chip.error().text().find("did you mean 'systolic-8'?"), std::string::npos) << chip.error().text();
}

TEST(Catalogue, AMissingFileIsNamed) {
  const auto chip = load_chip("no/such.yaml");
  ASSERT_FALSE(chip.ok());
  EXPECT_EQ(chip.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(chip.error().place, "no/such.yaml");
}

}  // namespace
}  // namespace systole
