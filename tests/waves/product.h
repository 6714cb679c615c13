// A product of two 4x4 int8 matrices on systolic-4, by hand.
#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "chip/chip.h"
#include "isa/program.h"

namespace systole::test {

inline constexpr const char* kProductText =
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

inline isa::Program product_program(const Chip& chip) {
  auto program = isa::assemble(kProductText, "product");
  EXPECT_TRUE(program.ok());
  program->fingerprint = chip.fingerprint();
  return *std::move(program);
}

inline std::vector<Tensor> product_inputs() {
  std::vector<Tensor> inputs;
  for (const auto& [start, step] : {std::pair{-7, 3}, std::pair{11, -5}}) {
    Tensor tensor(DType::kI8, {4, 4});
    for (int i = 0; i < 16; ++i) tensor.mutable_raw()[i] = static_cast<std::uint8_t>(start + i * step);
    inputs.push_back(std::move(tensor));
  }
  return inputs;
}

}  // namespace systole::test
