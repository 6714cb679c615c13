// TinyTPU programs as text: assembly (.s) and hexadecimal words (.hex). docs/tinytpu.md describes both.
//
//   read weight at=12 rows=2 cols=2 transpose      ; one line, one clock
//   switch wait                                    ; then idle until the vector unit's first lane has ended
//   loop 100 ... end                               ; control words
#pragma once

#include "machine/tinytpu/word.h"

namespace systole::tinytpu {

// `place` names the text in errors: "place:line:column". The program passes check_program.
Expected<Program> assemble(const std::string& text, const std::string& place);
std::string disassemble(const Program& program);

// One instruction a line, up to 24 hexadecimal digits; what follows a ';' is a comment.
Expected<Program> read_hex(const std::string& text, const std::string& place);
std::string write_hex(const Program& program);

// By the name's end: .s or .hex.
Expected<Program> load_program(const std::string& path);

}  // namespace systole::tinytpu
