// Parts on an FPGA: their flip-flops are those of their definitions, the bitstream says what was routed, and what is too large says by how much.
#include <sys/wait.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

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

// The skew and the tops of the columns of a 2 x 2 array in Q8.8, wired as in the core: an operand is 16 bits and 2 of its family.
TEST(SynthFpga, SeveralModulesWiredAsInTheCore) {
  const Folder folder;
  SynthOptions options;
  options.top = "staging+turn";
  options.output = folder.path.string();
  const auto result = place_fpga(load_chip("systolic-2-q88").value(), "ice40-hx8k", options);
  ASSERT_TRUE(result.ok()) << result.error().text();
  EXPECT_EQ(result->top, "staging+turn");
  // Row 1 waits a cycle with its switch and valid; column 1's weight with its transposed, first and accept; each column keeps one weight of a transposed tile.
  EXPECT_EQ(result->ffs, (18 + 2) + (18 + 3) + 2 * 18);
  EXPECT_FALSE(result->serial_pins);
  EXPECT_GT(std::filesystem::file_size(folder.file("chip.bin")), 100000u);

  options.top = "staging+pe";
  const auto inner = place_fpga(load_chip("systolic-2-q88").value(), "ice40-hx8k", options);
  ASSERT_FALSE(inner.ok());
  EXPECT_EQ(inner.error().code, ErrorCode::kInvalidInput);
  EXPECT_NE(inner.error().text().find("--top pe"), std::string::npos) << inner.error().text();
}

TEST(SynthFpga, SixteenMultipliersDoNotFitWhereThereAreEight) {
  const Folder folder;
  const std::string command = std::string("'") + SYSTOLE_PROGRAM + "' synth --chip systolic-4 --formats i8 --top array --fpga ice40-up5k --json -o " + folder.path.string() +
                              " > " + folder.file("out.json") + " 2> " + folder.file("notes");
  const int status = std::system(command.c_str());
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 1);
  const auto json = nlohmann::json::parse(text_of(folder.file("out.json")));
  EXPECT_EQ(json["fits"], false);
  EXPECT_EQ(json["dsps"], 4 * 4);
  EXPECT_EQ(json["dsps_available"], 8);
  EXPECT_EQ(json["logic_cells_available"], 5280);
  EXPECT_EQ(json["bitstream"], "");
  EXPECT_EQ(json["fmax_mhz"], 0.0);
  EXPECT_FALSE(std::filesystem::exists(folder.file("chip.bin")));
}

}  // namespace
}  // namespace systole::rtl
