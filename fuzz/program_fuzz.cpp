// Any bytes as a program file, and as assembly text: an error, or a program that survives its own text and file forms. Since
// random bytes seldom pass a checksum, the code section's words are also read without one.
#include <cstdlib>
#include <cstring>

#include "isa/limits.h"
#include "isa/program.h"

namespace {

using namespace systole;

void require(bool condition) {
  if (!condition) std::abort();
}

void exercise(const isa::Program& program) {
  const auto bytes = isa::serialize(program);
  const auto back = isa::parse_program(bytes, "fuzz");
  require(back.ok());
  require(isa::serialize(*back) == bytes);
  const auto text = isa::assemble(isa::disassemble(program), "fuzz");
  require(text.ok());
  require(isa::serialize(*text) == bytes);
  static const isa::MachineLimits limits = isa::limits(load_chip("systolic-8").value());
  (void)isa::check_program(program, limits);
  if (program.cores.empty()) return;
  isa::Fetcher fetcher(program.cores[0]);
  isa::Fetcher::Step step;
  for (int i = 0; i < 1000 && fetcher.next(step); ++i) continue;
}

void read_words(const std::uint8_t* data, std::size_t size) {
  isa::Program program;
  program.cores.emplace_back();
  for (std::size_t at = 0; at + 32 <= size; at += 32) {
    isa::Word word;
    std::memcpy(word.data(), data + at, 32);
    const auto instruction = isa::decode(word);
    if (!instruction.ok()) continue;
    require(isa::encode(*instruction) == word);
    if (isa::check_instruction(*instruction).ok()) program.cores[0].code.push_back(*instruction);
  }
  program.cores[0].code.push_back({isa::Halt{}, isa::kScalar, 0, 0});
  exercise(program);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (const auto program = isa::parse_program({data, size}, "fuzz"); program.ok()) exercise(*program);
  if (const auto program = isa::assemble({reinterpret_cast<const char*>(data), size}, "fuzz"); program.ok()) exercise(*program);
  read_words(data, size);
  return 0;
}
