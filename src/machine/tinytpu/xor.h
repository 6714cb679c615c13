// The machine's one published job as assembly text: a 2-2-1 network learns exclusive or, batch of four.
//
// Buffer: X 0-7, Y 8-11, W1 12-15 (a neuron's weights in a row), B1 16-17, W2 18-19, B2 20; what a step appends: H1 21-28,
// dZ2 29-32, dZ1 33-40, dW1 41-48, dW2 49-52.
#pragma once

#include <string>

#include "machine/tinytpu/state.h"

namespace systole::tinytpu {

struct XorSettings {
  std::int16_t leak = 128, loss_scale = 128;    // Q8.8 in 1/256: slope 0.5, 2/N = 0.5
  std::array<std::int16_t, 9> parameters = {76, -148, 23, 108, -126, 48, 135, 76, 163};   // W1, B1, W2, B2
};

// One training step in nothing but 94-bit words, each clock written out, as the original's test drives it.
std::string xor_step_source(const XorSettings& settings);
// Any number of steps (0: none) in a loop of the sequencer, then the forward pass whose error .mse names.
std::string xor_train_source(std::int64_t steps, const XorSettings& settings);

// The error of the four predictions that the machine's forward pass makes of the parameters in this buffer; half-up rounding.
double xor_error(const std::array<std::int16_t, kMemoryWords>& memory, const XorSettings& settings);
// The buffer's error, as the program says.
double mean_squared_error(const std::array<std::int16_t, kMemoryWords>& memory, const ErrorSpec& spec);

}  // namespace systole::tinytpu
