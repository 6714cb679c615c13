// What synthesis refuses, and how it says so.
#include <cstdlib>

#include "helpers.h"
#include "rtl/synth_tools.h"

namespace systole::rtl {
namespace {

Chip chip_named(const char* name) { return load_chip(name).value(); }

TEST(SynthTools, AMissingToolNamesItsPackage) {
  const Status status = need_tool("systole-has-no-such-tool", "opensta");
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kNotFound);
  EXPECT_NE(status.error().text().find("apt-get install opensta"), std::string::npos);
  EXPECT_TRUE(need_tool("yosys", "yosys").ok());
}

TEST(SynthTools, UnknownPartsLibrariesAndDevices) {
  SynthOptions options;
  options.top = "arry";
  const auto part = synthesize_gates(chip_named("systolic-4"), options);
  ASSERT_FALSE(part.ok());
  EXPECT_EQ(part.error().code, ErrorCode::kNotFound);
  EXPECT_NE(part.error().text().find("accumulators, array"), std::string::npos) << part.error().text();
  options.top = "chip";   // a package
  EXPECT_EQ(synthesize_gates(chip_named("systolic-4"), options).error().code, ErrorCode::kNotFound);
  options.top = "buffer";
  EXPECT_EQ(synthesize_gates(chip_named("systolic-4"), options).error().code, ErrorCode::kUnsupported);
  options.top = "array+feeder";   // several modules: on an FPGA
  EXPECT_EQ(synthesize_gates(chip_named("systolic-4"), options).error().code, ErrorCode::kUnsupported);
  options = {};
  options.library = "osu007";
  EXPECT_EQ(synthesize_gates(chip_named("systolic-4"), options).error().code, ErrorCode::kInvalidInput);
  EXPECT_EQ(place_fpga(chip_named("systolic-4"), "ice40-hx4711", {}).error().code, ErrorCode::kInvalidInput);
  EXPECT_EQ(synthesize_gates(chip_named("tpu-v4"), {}).error().code, ErrorCode::kUnsupported);
}

TEST(SynthTools, TimingOfHalfADesignIsAnError) {
  const auto scratch = Scratch::make();
  ASSERT_TRUE(scratch.ok());
  EXPECT_FALSE(run_tool(*scratch, "yosys", "yosys -Q no_such_script.ys", "yosys.log").ok());
}

}  // namespace
}  // namespace systole::rtl
