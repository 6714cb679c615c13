// The machine's first instruction word, 24 bits, from before it had a buffer: assembled and disassembled, not run.
//
//   .isa 24                                   ; the text's first line, also of its .hex
//   start load=inputs address=1 data=0.5      ; one line, one word
#pragma once

#include "machine/tinytpu/word.h"

namespace systole::tinytpu {

std::span<const Field> first_word_fields();

// Does this text begin with `.isa 24`?
bool is_first_form(std::string_view text);
// Assembly text or words of six hexadecimal digits (`hex`), `.isa 24` included.
Expected<std::vector<std::uint32_t>> read_first_words(const std::string& text, const std::string& place, bool hex);
std::string write_first_words(std::span<const std::uint32_t> words, bool hex);

}  // namespace systole::tinytpu
