#pragma once

#include <gtest/gtest.h>

#include <string>

#include "base/file.h"
#include "machine/tinytpu/machine.h"
#include "machine/tinytpu/run.h"
#include "machine/tinytpu/text.h"

namespace systole::tinytpu {

inline Program assembled(const std::string& text, const std::string& name = "test.s") {
  auto program = assemble(text, name);
  if (!program.ok()) ADD_FAILURE() << program.error().text();
  return program.ok() ? *program : Program();
}

inline Result ran(const Program& program, const Options& options = {}) {
  const auto result = run_registers(program, options);
  if (!result.ok()) ADD_FAILURE() << result.error().text();
  return result.ok() ? *result : Result();
}

inline Result ran(const std::string& text, const Options& options = {}) { return ran(assembled(text), options); }

inline std::string source_file(const std::string& path) {
  const auto text = read_text_file(std::string(SYSTOLE_SOURCE_DIR) + "/" + path);
  if (!text.ok()) ADD_FAILURE() << text.error().text();
  return text.ok() ? *text : std::string();
}

}  // namespace systole::tinytpu
