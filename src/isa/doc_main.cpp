// systole_isa_doc FILE: writes docs/isa.md; without FILE, to the standard output.
#include <cstdio>

#include "base/file.h"
#include "isa/doc.h"

int main(int argc, char** argv) {
  const std::string text = systole::isa::isa_document();
  if (argc < 2) return std::fputs(text.c_str(), stdout) < 0 ? 2 : 0;
  const auto status = systole::write_file(argv[1], text);
  if (status.ok()) return 0;
  std::fprintf(stderr, "%s\n", status.error().text().c_str());
  return systole::exit_status(status.error().code);
}
