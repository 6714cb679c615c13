// Where the bytes of large initialisers stand in a model file, so that they are read from there and not copied.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

namespace systole::frontend {

struct LargeInitializers {
  std::vector<std::uint8_t> model;                            // the ModelProto without them
  std::map<int, std::span<const std::uint8_t>> raw;           // by place in graph.initializer: its raw_data, inside the bytes given
};

// Takes the raw_data of more than 4 KiB out of a serialised ModelProto, on the level of protobuf's wire format
// (protobuf.dev/programming-guides/encoding). Bytes that are not well formed come back whole, for the parser to judge.
LargeInitializers split_initializers(std::span<const std::uint8_t> bytes);

}  // namespace systole::frontend
