// The original TinyTPU's netlist, its buffer of flip-flops and all, runs programs as its RTL does. Minutes: `make synth` builds and runs it.
#include <gtest/gtest.h>

#include "gate_level.h"

namespace systole::rtl {
namespace {

TEST(SynthGateLevelWhole, TinyTpuAsItsRtl) { expect_gates_as_rtl("tinytpu", 8192, 50, 100); }

}  // namespace
}  // namespace systole::rtl
