// One element on an FPGA: its flip-flops are those of its definition, and the bitstream says what was routed.
#include <cstdlib>

#include "helpers.h"
#include "numeric/dtype.h"

namespace systole::rtl {
namespace {

TEST(SynthFpga, OneElementPlacedAndRouted) {
  const Folder folder;
  SynthOptions options;
  options.top = "pe";
  options.output = folder.path.string();
  Chip chip = load_chip("systolic-4").value();
  chip.mxu.formats = {DType::kI8};
  const auto result = place_fpga(chip, "ice40-hx8k", options);
  ASSERT_TRUE(result.ok()) << result.error().text();
  EXPECT_TRUE(result->fits);
  // An operand is 9 bits and 2 of its family. Registers: value, both weights, sum, valid, switch, train. Their ports fit the package.
  EXPECT_EQ(result->ffs, 3 * 11 + 32 + 3);
  EXPECT_FALSE(result->serial_pins);
  EXPECT_GE(result->cells, result->ffs);
  EXPECT_GE(result->cells, result->luts);
  EXPECT_EQ(result->cells_available, 7680);
  EXPECT_EQ(result->brams, 0);
  EXPECT_GT(result->fmax_mhz, 10);
  ASSERT_EQ(result->bitstream, folder.file("chip.bin"));
  // The bitstream, unpacked again, holds what was routed.
  ASSERT_EQ(std::system(("iceunpack " + folder.file("chip.bin") + " " + folder.file("again.asc") + " && icepack " + folder.file("again.asc") + " " + folder.file("again.bin")).c_str()), 0);
  EXPECT_EQ(text_of(folder.file("again.bin")), text_of(folder.file("chip.bin")));
  EXPECT_GT(std::filesystem::file_size(folder.file("chip.bin")), 100000u);
}

}  // namespace
}  // namespace systole::rtl
