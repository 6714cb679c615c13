#include "report/waves_tinytpu.h"

#include <fmt/format.h>

#include "machine/tinytpu/machine.h"
#include "machine/tinytpu/run.h"

namespace systole::report {
namespace {

using tinytpu::Machine;
using tinytpu::State;

std::uint64_t word_bits(std::int16_t word) { return static_cast<std::uint16_t>(word); }
std::uint32_t signed_word(std::int16_t word) { return static_cast<std::uint32_t>(std::int32_t{word}); }
std::string decimal(std::int16_t word) { return decode_word(word_bits(word), WaveFormat::kFixed8, 16); }

class TinyTpuWaves : public PulseSource {
 public:
  TinyTpuWaves(const TinyTpuProgram& program, const Chip& chip)
      : names_(program.names), machine_(program.program, chip.tinytpu), state_(&machine_.state()), wires_(&machine_.wires()) {
    add_sequencer();
    add_word();
    add_array();
    for (std::size_t c = 0; c < 2; ++c) add_lane(c);
    add_buffer();
  }

  void step() override {
    accept_ = {state_->buffer.weight[0].valid, state_->buffer.weight[1].valid};
    note_ = describe();
    follow();
    before_ = state_->buffer.memory;
    machine_.step();
    note_ += changes();
  }
  bool done() const override { return machine_.done(); }
  std::int64_t cycle() const override { return state_->cycle; }
  std::int64_t clocks() const override { return state_->clocks; }

  std::int64_t rows() const override { return 2; }
  std::int64_t columns() const override { return 2; }
  PulseElement element(std::int64_t r, std::int64_t c) const override {
    const tinytpu::Element& e = state_->elements[static_cast<std::size_t>(r)][static_cast<std::size_t>(c)];
    return {signed_word(e.active), signed_word(e.shadow), signed_word(e.input), signed_word(e.sum), e.valid, e.switching, accept_[static_cast<std::size_t>(c)]};
  }
  WaveFormat operand_format() const override { return WaveFormat::kFixed8; }
  WaveFormat sum_format() const override { return WaveFormat::kFixed8; }
  std::string note() const override { return note_; }
  std::string phase() const override { return phase_; }
  std::vector<PanelSpec> panels() const override {
    PanelSpec unit{"Vector unit", 2, true, {}}, buffer{"Unified buffer", 4, true, {}};
    for (const char* stage : {"bias", "leaky", "loss", "derivative"}) {
      for (std::size_t i = 0; i < signals_.size(); ++i) {
        if (signals_[i].group == "vector unit" && signals_[i].name == stage) unit.signals.push_back(i);
      }
    }
    for (std::size_t i = 0; i < signals_.size(); ++i) {
      if (signals_[i].group == "memory") buffer.signals.push_back(i);
    }
    return {unit, buffer};
  }

 private:
  void open(std::vector<std::string> scope, const std::string& group) {
    scope_ = {"systole", "tinytpu"};
    scope_.insert(scope_.end(), scope.begin(), scope.end());
    group_ = group;
  }
  template <typename Read>
  void add(const std::string& name, int width, WaveFormat format, Read read) {
    signals_.push_back({scope_, name, width, format, group_, false, [read] { return static_cast<std::uint64_t>(read()); }});
  }
  template <typename Read>
  void add_fixed(const std::string& name, Read read) {
    add(name, 16, WaveFormat::kFixed8, [read] { return word_bits(read()); });
  }
  template <typename Read>
  void add_pair(const std::string& name, Read read) {     // a Lane
    add_fixed(name, [read] { return read().value; });
    add(name + "_valid", 1, WaveFormat::kBit, [read] { return read().valid; });
  }

  void add_sequencer() {
    open({"sequencer"}, "sequencer");
    const State* const s = state_;
    const tinytpu::Wires* const w = wires_;
    add("pc", 11, WaveFormat::kUnsigned, [s] { return s->sequencer.pc; });
    add("issued", 1, WaveFormat::kBit, [w] { return w->issued; });
    add("waiting", 1, WaveFormat::kBit, [s] { return s->sequencer.waiting; });
    add("halted", 1, WaveFormat::kBit, [s] { return s->sequencer.halted; });
    add("hold", 16, WaveFormat::kUnsigned, [s] { return s->sequencer.hold; });
    add("loop_depth", 3, WaveFormat::kUnsigned, [s] { return s->sequencer.depth; });
    for (std::size_t level = 0; level < 2; ++level) {
      add(fmt::format("loop_{}_left", level), 32, WaveFormat::kUnsigned, [s, level] { return s->sequencer.loops[level].left; });
    }
  }
  // The 94 wires of the clock.
  void add_word() {
    open({"word"}, "word");
    const tinytpu::Wires* const w = wires_;
    const auto fields = tinytpu::word_fields();
    for (std::size_t i = 0; i < fields.size(); ++i) {
      const WaveFormat format = fields[i].width == 16 ? WaveFormat::kFixed8 : fields[i].width == 1 ? WaveFormat::kBit : WaveFormat::kUnsigned;
      add(std::string(fields[i].name), fields[i].width, format, [w, i] { return tinytpu::get_field(w->word, i); });
    }
    add("stream_name", 64, WaveFormat::kText, [w] { return text_bits(w->word.read ? tinytpu::stream_name(w->word.stream) : ""); });
  }
  void add_array() {
    const State* const s = state_;
    const tinytpu::Wires* const w = wires_;
    open({"array"}, "array");
    for (std::size_t i = 0; i < 2; ++i) {
      add_pair(fmt::format("input_{}", i), [s, i] { return s->buffer.input[i]; });
      add_fixed(fmt::format("weight_{}", i), [s, i] { return s->buffer.weight[i].value; });
      add(fmt::format("accept_{}", i), 1, WaveFormat::kBit, [s, i] { return s->buffer.weight[i].valid; });
      add(fmt::format("enabled_{}", i), 1, WaveFormat::kBit, [s, i] { return s->enabled[i]; });
      add_pair(fmt::format("output_{}", i), [w, i] { return w->array[i]; });
    }
    for (std::size_t r = 0; r < 2; ++r) {
      for (std::size_t c = 0; c < 2; ++c) {
        open({"array", fmt::format("pe_{}_{}", r, c)}, "array");
        const tinytpu::Element* const e = &s->elements[r][c];
        add_fixed("value", [e] { return e->input; });
        add("valid", 1, WaveFormat::kBit, [e] { return e->valid; });
        add("switching", 1, WaveFormat::kBit, [e] { return e->switching; });
        add_fixed("active", [e] { return e->active; });
        add_fixed("shadow", [e] { return e->shadow; });
        add_fixed("weight", [e] { return e->weight; });
        add_fixed("sum", [e] { return e->sum; });
      }
    }
  }
  void add_lane(std::size_t c) {
    open({fmt::format("vpu_{}", c)}, "vector unit");
    const tinytpu::VectorLane* const lane = &state_->lanes[c];
    const tinytpu::Wires* const w = wires_;
    add_pair("bias", [lane] { return lane->bias; });
    add_pair("leaky", [lane] { return lane->leaky; });
    add_pair("loss", [lane] { return lane->loss; });
    add_pair("derivative", [lane] { return lane->derivative; });
    add_fixed("last_activation", [lane] { return lane->last_activation; });
    add_pair("output", [w, c] { return w->vector[c]; });
  }
  void add_buffer() {
    open({"buffer"}, "buffer");
    const tinytpu::Buffer* const b = &state_->buffer;
    add("write_pointer", 16, WaveFormat::kUnsigned, [b] { return b->write_pointer; });
    for (std::size_t i = 0; i < b->channels.size(); ++i) {
      const std::string name(tinytpu::stream_name(static_cast<tinytpu::Stream>(i)));
      add(name + "_runs", 1, WaveFormat::kBit, [b, i] { return b->channels[i].running(); });
      add(name + "_pointer", 8, WaveFormat::kUnsigned, [b, i] { return b->channels[i].pointer; });
      add(name + "_counter", 9, WaveFormat::kUnsigned, [b, i] { return b->channels[i].counter; });
    }
    for (std::size_t i = 0; i < 2; ++i) {
      add_fixed(fmt::format("bias_{}", i), [b, i] { return b->bias[i]; });
      add_fixed(fmt::format("target_{}", i), [b, i] { return b->target[i]; });
      add_fixed(fmt::format("activation_{}", i), [b, i] { return b->activation[i]; });
      add_fixed(fmt::format("old_{}", i), [b, i] { return b->old[i]; });
      add_pair(fmt::format("descent_{}", i), [b, i] { return b->descent[i]; });
    }
    open({"buffer", "memory"}, "memory");
    for (std::size_t i = 0; i < b->memory.size(); ++i) {
      add_fixed(word_name(static_cast<int>(i)), [b, i] { return b->memory[i]; });
    }
  }

  // "W1[2]", or "word_14".
  std::string word_name(int address) const {
    for (const BufferName& name : names_) {
      if (address < name.first || address >= name.first + name.count) continue;
      return name.count == 1 ? name.name : fmt::format("{}_{}", name.name, address - name.first);
    }
    return fmt::format("word_{}", address);
  }
  // What the word of this clock starts and what leaves the vector unit.
  std::string describe() const {
    std::string text;
    const auto say = [&](const std::string& sentence) { text += (text.empty() ? "" : " ") + sentence; };
    const tinytpu::Word& word = wires_->word;
    const int host = word.write_valid[0] + word.write_valid[1];
    if (host > 0) say(fmt::format("The host writes {} to the buffer.", host == 1 ? "a word" : "two words"));
    if (word.read) {
      say(fmt::format("The word starts the {} stream from {}{}.", tinytpu::stream_name(word.stream), word_name(word.address), word.transpose ? ", transposed" : ""));
    }
    std::string out;
    for (std::size_t c = 0; c < 2; ++c) {
      if (wires_->vector[c].valid) out += (out.empty() ? "" : " and ") + decimal(wires_->vector[c].value);
    }
    if (!out.empty()) say(fmt::format("Out of the vector unit ({}): {}.", stages(state_->sequencer.pathway), out));
    return text;
  }
  // In learning exclusive or, what the array multiplies by names the part of the step.
  void follow() {
    const tinytpu::Word& word = wires_->word;
    if (names_.empty()) return;
    if (phase_.empty()) phase_ = "Loading";
    if (!word.read || word.stream != tinytpu::Stream::kWeight) return;
    const std::string weights = word_name(word.address);
    if (weights.starts_with("W1")) phase_ = "Forward, layer 1";
    if (weights.starts_with("W2")) phase_ = word.transpose ? "Forward, layer 2, and its error" : "Back through layer 2";
    if (weights.starts_with("X")) phase_ = "Gradient of W1";
    if (weights.starts_with("H1")) phase_ = "Gradient of W2";
  }
  static std::string stages(std::uint8_t pathway) {
    std::string text;
    const auto add_stage = [&](std::uint8_t bit, const char* name) {
      if ((pathway & bit) != 0) text += (text.empty() ? "" : ", ") + std::string(name);
    };
    add_stage(tinytpu::kBiasStage, "bias");
    add_stage(tinytpu::kLeakyStage, "leaky ReLU");
    add_stage(tinytpu::kLossStage, "loss");
    add_stage(tinytpu::kDerivativeStage, "derivative");
    return text.empty() ? "all stages passed by" : text;
  }
  // What the clock wrote.
  std::string changes() const {
    std::string text;
    int count = 0;
    for (std::size_t i = 0; i < before_.size(); ++i) {
      if (state_->buffer.memory[i] == before_[i] || ++count > 4) continue;
      text += fmt::format("{} {} = {}", text.empty() ? "" : ",", word_name(static_cast<int>(i)), decimal(state_->buffer.memory[i]));
    }
    return text.empty() ? text : (note_.empty() ? "Written:" : " Written:") + text + ".";
  }

  std::vector<BufferName> names_;
  Machine machine_;
  const State* state_;
  const tinytpu::Wires* wires_;
  std::array<bool, 2> accept_{};           // in the clock that has passed
  std::array<std::int16_t, tinytpu::kMemoryWords> before_{};
  std::string note_, phase_, group_;
  std::vector<std::string> scope_;
};

}  // namespace

std::vector<BufferName> xor_buffer_names() {
  return {{0, 8, "X"}, {8, 4, "Y"}, {12, 4, "W1"}, {16, 2, "B1"}, {18, 2, "W2"}, {20, 1, "B2"}, {21, 8, "H1"}, {29, 4, "dZ2"}, {33, 8, "dZ1"}, {41, 8, "dW1"}, {49, 4, "dW2"}};
}

std::unique_ptr<PulseSource> tinytpu_waves(const TinyTpuProgram& program, const Chip& chip) { return std::make_unique<TinyTpuWaves>(program, chip); }

Expected<std::int64_t> tinytpu_cycles(const tinytpu::Program& program, const Chip& chip) {
  SYSTOLE_ASSIGN(const auto result, tinytpu::run_registers(program, chip.tinytpu));
  return result.cycles;
}

}  // namespace systole::report
