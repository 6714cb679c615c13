#include "rtl/tinytpu_random.h"

#include <algorithm>

#include "base/random.h"

namespace systole::rtl {
namespace {

using namespace tinytpu;

class RandomProgram {
 public:
  explicit RandomProgram(std::uint64_t seed) : random_(seed) {}

  Program make() {
    program_ = {};
    program_.name = "random program";
    for (std::int64_t n = random_.integer(4, 16); n > 0; --n) load();
    block(0, random_.integer(4, 30));
    return program_;
  }

 private:
  // Mostly small, sometimes anything: both what fits and what saturates.
  std::int16_t fixed() { return static_cast<std::int16_t>(random_.chance(0.7) ? random_.integer(-600, 600) : random_.integer(-32768, 32767)); }

  void levels(Word& word) {
    if (random_.chance(0.3)) {
      constexpr std::uint8_t kUsed[] = {0b0000, 0b1100, 0b1111, 0b0001};
      pathway_ = random_.chance(0.7) ? kUsed[random_.integer(0, 3)] : static_cast<std::uint8_t>(random_.integer(0, 15));
      scale_ = fixed();
      leak_ = fixed();
    }
    word.pathway = pathway_;
    word.loss_scale = scale_;
    word.leak = leak_;
  }
  void push(Word word, bool wait = false) {
    levels(word);
    program_.code.push_back({wait ? Kind::kWordThenWait : Kind::kWord, word, Control::kHalt, 0});
  }
  void control(Control which, std::int64_t operand = 0) { program_.code.push_back({Kind::kControl, {}, which, operand}); }

  void load() {
    Word word;
    word.write_valid = {random_.chance(0.8), random_.chance(0.8)};
    word.write_data = {fixed(), fixed()};
    push(word);
  }
  Word command(Stream stream) {
    Word word;
    word.read = true;
    word.stream = stream;
    word.transpose = random_.chance(0.4);
    word.rows = static_cast<std::uint8_t>(random_.chance(0.95) ? random_.integer(0, 6) : random_.integer(0, 255));
    word.columns = static_cast<std::uint8_t>(random_.chance(0.9) ? random_.integer(1, 2) : random_.integer(0, 3));
    word.address = static_cast<std::uint8_t>(random_.chance(0.95) ? random_.integer(0, 60) : random_.integer(0, 255));
    return word;
  }
  // Weights, inputs, switch and what the vector unit reads, with gaps of chance.
  void job() {
    Word weights = command(Stream::kWeight);
    weights.rows = static_cast<std::uint8_t>(random_.integer(1, 2));
    weights.columns = static_cast<std::uint8_t>(random_.integer(1, 2));
    push(weights);
    gap();
    Word input = command(Stream::kInput);
    if (input.transpose) input.rows = static_cast<std::uint8_t>(random_.integer(1, 3));
    input.rows = std::max<std::uint8_t>(input.rows, 1);
    input.columns = std::max<std::uint8_t>(input.columns, 1);
    push(input);
    Word turn;
    turn.switch_weights = random_.chance(0.9);
    push(turn);
    for (std::int64_t n = random_.integer(0, 4); n > 0; --n) {
      push(command(static_cast<Stream>(random_.integer(2, 6))));
      gap();
    }
    Word last;
    last.write_valid[0] = random_.chance(0.1);
    last.write_data[0] = fixed();
    push(last, random_.chance(0.2));
  }
  void gap() {
    for (std::int64_t n = random_.integer(0, 2); n > 0; --n) push({});
  }
  void noise() {
    Word word = command(static_cast<Stream>(random_.integer(0, 7)));
    word.read = random_.chance(0.6);
    word.switch_weights = random_.chance(0.3);
    word.write_valid = {random_.chance(0.2), random_.chance(0.2)};
    word.write_data = {fixed(), fixed()};
    push(word);
  }
  void block(int depth, std::int64_t length) {
    for (; length > 0; --length) {
      const std::int64_t what = random_.integer(0, 9);
      if (what < 5) job();
      else if (what < 7) noise();
      else if (what == 7) control(Control::kHold, random_.integer(1, 20));
      else if (what == 8) control(Control::kPointer, random_.chance(0.9) ? random_.integer(0, 100) : random_.integer(0, 65535));
      else if (depth < kLoopDepth) {
        control(Control::kLoop, random_.integer(1, 3));
        block(depth + 1, random_.integer(0, 3));
        control(Control::kEnd);
      }
    }
  }

  Random random_;
  Program program_;
  std::uint8_t pathway_ = 0;
  std::int16_t scale_ = 128, leak_ = 64;
};

}  // namespace

Program random_tinytpu_program(std::uint64_t seed) { return RandomProgram(seed).make(); }

}  // namespace systole::rtl
