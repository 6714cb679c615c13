// Inside this room a failed check throws Failure; the public functions of onnx.h catch it, so it never crosses the
// room's edge.
#pragma once

#include <string>
#include <utility>

#include "base/expected.h"

namespace systole::frontend {

struct Failure {
  Error error;
};

[[noreturn]] inline void fail(Error error) { throw Failure{std::move(error)}; }

// The value of an Expected, or its error as a Failure.
template <typename T>
T unwrap(Expected<T> expected) {
  if (!expected.ok()) fail(expected.error());
  return std::move(expected).value();
}

}  // namespace systole::frontend
