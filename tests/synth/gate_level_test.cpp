// TinyTPU's netlist runs programs as its RTL does: the chip with its buffer in block RAM, the small one.
#include "gate_level.h"

#include <gtest/gtest.h>

namespace systole::rtl {
namespace {

TEST(SynthGateLevel, BlockRamTinyTpuAsItsRtl) { expect_gates_as_rtl("tinytpu-bram", 512, 20, 20); }

}  // namespace
}  // namespace systole::rtl
