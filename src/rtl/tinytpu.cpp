#include "rtl/tinytpu.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "base/file.h"
#include "rtl/verilate.h"

namespace systole::rtl {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSimulationOnly[] = {"tinytpu_probe.sv", "testbench.cpp", "fst_waves.h"};

bool simulation_only(std::string_view name) { return std::find(std::begin(kSimulationOnly), std::end(kSimulationOnly), name) != std::end(kSimulationOnly); }

std::uint16_t bits(std::int64_t value) { return static_cast<std::uint16_t>(value); }

// Writes 16-bit words one after the other.
class Packer {
 public:
  explicit Packer(Probe& words) : words_(words) {}
  void add(std::int64_t value) { words_[count_++] = bits(value); }
  std::size_t count() const { return count_; }

 private:
  Probe& words_;
  std::size_t count_ = 0;
};

int flags(bool low, bool high) { return (low ? 1 : 0) | (high ? 2 : 0); }
int valid(const std::array<tinytpu::Lane, 2>& lanes) { return flags(lanes[0].valid, lanes[1].valid); }

void pack_array(Packer& out, const tinytpu::State& s) {
  for (int i = 0; i < 4; ++i) {
    const tinytpu::Element& e = s.elements[static_cast<std::size_t>(i / 2)][static_cast<std::size_t>(i % 2)];
    out.add(i == 3 ? flags(s.enabled[0], s.enabled[1]) : 0);
    for (const std::int16_t value : {e.active, e.shadow, e.input, e.sum, e.weight}) out.add(value);
    out.add(flags(e.valid, e.switching));
  }
}

void pack_lanes(Packer& out, const tinytpu::State& s) {
  for (const tinytpu::VectorLane& lane : s.lanes) {
    out.add(0);
    for (const std::int16_t value : {lane.bias.value, lane.leaky.value, lane.loss.value, lane.derivative.value, lane.last_activation}) out.add(value);
    out.add(flags(lane.bias.valid, lane.leaky.valid) | 4 * flags(lane.loss.valid, lane.derivative.valid));
  }
  const tinytpu::Buffer& b = s.buffer;
  for (const auto& lanes : {b.input, b.weight}) {
    for (const tinytpu::Lane& lane : lanes) out.add(lane.value);
  }
  for (const auto& values : {b.bias, b.target, b.activation, b.old}) {
    for (const std::int16_t value : values) out.add(value);
  }
  for (const tinytpu::Lane& lane : b.descent) out.add(lane.value);
}

void pack_control(Packer& out, const tinytpu::State& s) {
  const tinytpu::Buffer& b = s.buffer;
  const tinytpu::Sequencer& q = s.sequencer;
  for (const tinytpu::Channel& c : b.channels) {
    for (const int value : {c.pointer, c.rows, c.columns, c.counter}) out.add(value);
  }
  out.add(b.write_pointer);
  out.add(b.descent_pointer);
  out.add(valid(b.input) | valid(b.weight) << 2 | valid(b.descent) << 4 | (b.weight_mode ? 64 : 0));
  out.add(q.pc);
  out.add(flags(q.waiting, q.halted));
  out.add(q.hold & 0xFFFF);
  out.add(q.hold >> 16);
  out.add(q.depth);
  out.add(q.pathway);
  out.add(q.loss_scale);
  out.add(q.leak);
  out.add(q.valid_before);
  out.add(0);
}

void append(std::vector<std::uint8_t>& bytes, std::uint64_t value, int count) {
  for (int i = 0; i < count; ++i) bytes.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

std::vector<std::uint8_t> testbench_input(const tinytpu::Program& program, std::int16_t learning_rate, std::int64_t most_clocks) {
  std::vector<std::uint8_t> bytes;
  append(bytes, program.code.size() + 1, 8);
  append(bytes, bits(learning_rate), 8);
  append(bytes, static_cast<std::uint64_t>(most_clocks), 8);
  tinytpu::Instruction halt;
  halt.kind = tinytpu::Kind::kControl;
  for (std::size_t i = 0; i <= program.code.size(); ++i) {
    for (const std::uint32_t part : tinytpu::encode(i < program.code.size() ? program.code[i] : halt)) append(bytes, part, 4);
  }
  return bytes;
}

Expected<fs::path> scratch_folder() {
  std::string pattern = (fs::temp_directory_path() / "systole-tinytpu-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) return invalid_input(pattern, "cannot make a temporary folder");
  return fs::path(pattern);
}

// A folder that goes with its scope.
struct Scratch {
  fs::path path;
  ~Scratch() {
    std::error_code failure;
    fs::remove_all(path, failure);
  }
};

Status check_machine(const Chip& chip) {
  if (chip.machine == MachineKind::kTinyTpu) return ok_status();
  return unsupported("chip " + chip.name, "is no TinyTPU", "tinytpu and tinytpu-bram are");
}

}  // namespace

std::string tinytpu_package(const tinytpu::Options& o) {
  const auto fixed = [](std::string_view name, const std::optional<std::int16_t>& slope) {
    return fmt::format("  localparam int {}_FIXED = {};\n  localparam logic signed [15:0] {}_SLOPE = 16'h{:04X};\n", name, slope ? 1 : 0, name, bits(slope.value_or(0)));
  };
  return fmt::format(
      "// The options of one chip (docs/tinytpu.md); rounding: 0 half up, 1 truncate, 2 wrap, 3 stochastic.\n"
      "/* verilator lint_off UNUSEDPARAM */\n"
      "package tinytpu_chip;\n"
      "  localparam int BLOCK_RAM = {};\n"
      "  localparam int SHARED_MULTIPLIER = {};\n"
      "  localparam int REGISTERED_SWITCH = {};\n"
      "  localparam int REGISTERED_BYPASS = {};\n"
      "  localparam int ROUNDING = {};\n"
      "{}{}"
      "  localparam logic [15:0] LFSR_SEED = 16'h{:04X};\n"
      "endpackage\n"
      "/* verilator lint_on UNUSEDPARAM */\n",
      o.block_ram ? 1 : 0, o.shared_multiplier ? 1 : 0, o.registered_switch ? 1 : 0, o.registered_bypass ? 1 : 0, static_cast<int>(o.rounding), fixed("FORWARD", o.forward_slope),
      fixed("DERIVATIVE", o.derivative_slope), o.lfsr_seed);
}

Status write_tinytpu(const Chip& chip, const std::string& folder) {
  SYSTOLE_TRY(check_machine(chip));
  std::error_code failure;
  fs::create_directories(folder, failure);
  if (failure) return invalid_input(folder, "cannot make the folder: " + failure.message());
  SYSTOLE_TRY(write_file((fs::path(folder) / "tinytpu_chip.sv").string(), tinytpu_package(chip.tinytpu)));
  std::string list = "tinytpu_chip.sv\n";
  for (const SourceText& source : tinytpu_texts()) {
    if (simulation_only(source.name)) continue;
    SYSTOLE_TRY(write_file((fs::path(folder) / source.name).string(), std::string(source.text)));
    list += fmt::format("{}\n", source.name);
  }
  return write_file((fs::path(folder) / "files.f").string(), list);
}

Probe probe(const tinytpu::State& state, const tinytpu::Options& options) {
  Probe words{};
  Packer out(words);
  pack_array(out, state);
  pack_lanes(out, state);
  pack_control(out, state);
  for (const std::uint16_t value : state.lfsrs) out.add(options.rounding == tinytpu::Options::Rounding::kStochastic ? value : 0);
  for (const std::int16_t value : state.buffer.memory) out.add(value);
  return words;
}

Expected<TinyTpuModel> TinyTpuModel::build(const Chip& chip, const std::string& cache, bool traced) {
  SYSTOLE_TRY(check_machine(chip));
  std::vector<HardwareText> texts = {{"tinytpu_chip.sv", tinytpu_package(chip.tinytpu)}};
  for (const SourceText& source : tinytpu_texts()) texts.push_back({std::string(source.name), std::string(source.text)});
  SYSTOLE_ASSIGN(std::string program, verilate("tinytpu", texts, "tinytpu_probe", cache, traced));
  return TinyTpuModel(chip.tinytpu, std::move(program));
}

Expected<tinytpu::Result> TinyTpuModel::run(const tinytpu::Program& program, std::vector<Probe>* states) const {
  return run(program, states, nullptr);
}

Expected<tinytpu::Result> TinyTpuModel::run(const tinytpu::Program& program, const RtlTrace& trace) const {
  return run(program, nullptr, &trace);
}

Expected<tinytpu::Result> TinyTpuModel::run(const tinytpu::Program& program, std::vector<Probe>* states, const RtlTrace* wanted) const {
  // The event engine bounds the clocks and finds the wait that never ends.
  SYSTOLE_ASSIGN(const tinytpu::Result bound, tinytpu::run_events(program, options_));
  SYSTOLE_ASSIGN(const fs::path folder, scratch_folder());
  const Scratch scratch{folder};
  const std::string input = (folder / "input").string(), output = (folder / "output").string(), trace = (folder / "states").string();
  SYSTOLE_TRY(write_file(input, testbench_input(program, options_.learning_rate, 2 * bound.clocks + 1000)));
  std::string command = fmt::format("'{}' '{}' '{}'", executable_, input, output);
  if (states != nullptr) command += fmt::format(" '{}'", trace);
  if (wanted != nullptr) command += wanted->arguments(trace);
  const int status = std::system(command.c_str());
  constexpr std::size_t kCounts = 3 * 8;
  tinytpu::Result result;
  const auto bytes = read_file(output);
  if (status != 0 || !bytes.ok() || bytes->size() != kCounts + sizeof result.memory) {
    return Error{ErrorCode::kInternal, executable_, fmt::format("the testbench failed with status {}", status), {}};
  }
  std::memcpy(&result.issue_cycles, bytes->data(), 8);
  std::memcpy(&result.cycles, bytes->data() + 8, 8);
  std::memcpy(&result.clocks, bytes->data() + 16, 8);
  std::memcpy(result.memory.data(), bytes->data() + kCounts, sizeof result.memory);
  result.lost_writes = bound.lost_writes;
  if (wanted != nullptr) {
    SYSTOLE_ASSIGN(const auto fst, read_file(trace));
    SYSTOLE_TRY(write_file(wanted->file, fst));
  }
  if (states != nullptr) {
    SYSTOLE_ASSIGN(const auto raw, read_file(trace));
    states->assign(raw.size() / sizeof(Probe), {});
    std::memcpy(states->data(), raw.data(), states->size() * sizeof(Probe));
  }
  return result;
}

}  // namespace systole::rtl
