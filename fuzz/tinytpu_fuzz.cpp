// Any text as a TinyTPU program: an error that is not ours, or a program whose text and words give the same program again.
#include <cstdlib>

#include "machine/tinytpu/first_word.h"
#include "machine/tinytpu/text.h"

using namespace systole;
using namespace systole::tinytpu;

namespace {

void check(const Expected<Program>& program) {
  if (!program.ok()) {
    if (program.error().code == ErrorCode::kInternal || program.error().place.empty()) std::abort();
    return;
  }
  const auto text = assemble(disassemble(*program), "again.s");
  const auto words = read_hex(write_hex(*program), "again.hex");
  if (!text.ok() || !words.ok() || text->code != program->code || words->code != program->code) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  check(assemble(text, "fuzz.s"));
  check(read_hex(text, "fuzz.hex"));
  for (const bool hex : {false, true}) {
    const auto words = read_first_words(text, "fuzz", hex);
    if (words.ok() && *read_first_words(write_first_words(*words, hex), "again", hex) != *words) std::abort();
  }
  return 0;
}
