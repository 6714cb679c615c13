// The unified buffer: 128 words, twelve read lanes that stream in the background, writes that only append, and gradient
// descent beside it.
#pragma once

#include "machine/tinytpu/state.h"

namespace systole::tinytpu {

// The channels as they stand in this clock: a read command takes effect at once.
Buffer with_command(const Buffer& buffer, const Word& word);
// Is gradient descent switched on in this clock? Of with_command's result.
bool descending(const Buffer& buffer);

// One clock. `now`: of with_command. `lost`: words written beyond the last are counted there.
struct BufferInputs {
  const Word& word;
  const std::array<Lane, 2>& vector;       // what leaves the vector unit
  const Lfsrs& lfsrs;
};
Buffer step_buffer(const Buffer& now, const BufferInputs& in, const Options& options, std::int64_t& lost);

// Clocks that two banks of synchronous memory, even and odd addresses, each with one read and one write port, need for
// this clock of the machine: all reads, then all writes, of the busier bank.
int bank_clocks(const Buffer& now, const BufferInputs& in);

}  // namespace systole::tinytpu
