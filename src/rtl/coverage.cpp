#include "rtl/coverage.h"

#include <fmt/format.h>

#include <array>
#include <deque>
#include <set>

#include "isa/table.h"
#include "rtl/generate.h"

namespace systole::rtl {
namespace {

constexpr std::string_view kModes[] = {"map", "add", "multiply", "maximum", "minimum", "and", "or"};
constexpr DType kInVmem[] = {DType::kPred,   DType::kI4,     DType::kI8,   DType::kI16, DType::kI32,  DType::kI64,
                             DType::kU8,     DType::kU16,    DType::kU32,  DType::kU64, DType::kBF16, DType::kF16,
                             DType::kF8E4M3, DType::kF8E5M2, DType::kTF32, DType::kF32};
constexpr DType kInAccumulators[] = {DType::kI32, DType::kU32, DType::kF32, DType::kTF32};

std::string_view name(std::int64_t type) { return dtype_name(static_cast<DType>(type)); }
std::string run_name(std::int64_t mode) {
  if (mode == 0) return "run map";
  return fmt::format("run {} {}", mode > 8 ? "i32" : "f32", kModes[mode % 8]);
}
std::string of(std::int64_t format, std::int64_t type) {
  return format == type ? std::string(name(format)) : fmt::format("{} of {}", name(format), name(type));
}
std::string stream_name(const isa::Bind& bind, bool write, bool in_strides) {
  return fmt::format("{} {}{}{}", write ? "write" : "read", bind.space == 3 ? "accumulators " : "", name(bind.type), in_strides ? " strided" : "");
}

// What the words before have set.
struct State {
  std::array<isa::Bind, isa::kVectorSlots> binds;
  std::int64_t pad_type = 0;
  std::deque<std::int64_t> pushed;     // formats of tiles that wait
  std::string weights = "no";
};

// The stride of the fastest dimension with more than one index decides (docs/machine.md section 5).
bool strided(const isa::Run& run, const isa::Bind& bind) {
  using Dimension = std::pair<std::int64_t, std::int64_t>;
  std::vector<Dimension> dimensions = {{run.d4, bind.s4}, {run.d3, bind.s3}, {run.d2, bind.s2}, {run.d1, bind.s1}, {run.d0, bind.s0}};
  if (run.mode != 0) dimensions = {{run.w1, bind.w1}, {run.w0, bind.w0}};
  for (const auto& [count, stride] : dimensions) {
    if (count > 1) return stride != 0 && stride != 1;
  }
  return false;
}

void add_run(const isa::Run& run, const isa::Program& program, const State& state, Coverage& coverage) {
  ++coverage[run_name(run.mode)];
  std::set<std::string> used;
  for (std::int64_t i = 0; i < run.prologue + run.body + run.epilogue; ++i) {
    const MicroOp& op = program.microcode[static_cast<std::size_t>(run.program + i)];
    used.insert(fmt::format("micro {}", micro_opcode_name(op.op)));
    if (op.op != MicroOpcode::kLoad && op.op != MicroOpcode::kStore) continue;
    const isa::Bind& bind = state.binds[op.slot];
    used.insert(stream_name(bind, op.op == MicroOpcode::kStore, strided(run, bind)));
  }
  for (const std::string& what : used) ++coverage[what];
}

void add_word(const isa::Instruction& word, const isa::Program& program, State& state, Coverage& coverage) {
  if (const auto* run = word.as<isa::Run>()) return add_run(*run, program, state, coverage);
  std::string what(isa::info_of(word).name);
  if (const auto* bind = word.as<isa::Bind>()) state.binds[static_cast<std::size_t>(bind->slot)] = *bind;
  if (const auto* store = word.as<isa::Store>()) what += store->local_space == 3 ? " accumulators" : " vmem";
  if (const auto* pad = word.as<isa::Pad>()) {
    state.pad_type = pad->type;
    what += fmt::format(" {}", name(pad->type));
  }
  if (const auto* push = word.as<isa::Push>()) {
    state.pushed.push_back(push->format);
    what += " " + of(push->format, push->type) + (push->transpose != 0 ? " transposed" : "");
  }
  if (const auto* matmul = word.as<isa::Matmul>()) {
    if (matmul->swap != 0 && !state.pushed.empty()) {
      state.weights = name(state.pushed.front());
      state.pushed.pop_front();
    }
    what += fmt::format(" {} x {}", of(matmul->format, state.pad_type), state.weights);
  }
  if (word.as<isa::Nop>()) what += word.unit == isa::kScalar ? " scalar" : " queued";
  ++coverage[what];
}

}  // namespace

void add_coverage(const isa::Program& program, Coverage& coverage) {
  State state;
  isa::Fetcher fetcher(program.cores[0]);
  for (isa::Fetcher::Step step; fetcher.next(step);) add_word(step.instruction, program, state, coverage);
}

std::vector<std::string> combinations(const Chip& chip) {
  std::vector<std::string> all = {"nop scalar", "nop queued", "halt", "loop", "end", "strides", "barrier", "load", "gather", "store vmem", "store accumulators"};
  const Families families = families_of(chip);
  std::vector<DType> integers;
  for (const DType type : {DType::kI8, DType::kU8}) {
    if (families.integer && chip.multiplies(type)) integers.push_back(type);
  }
  const auto add = [&](const std::vector<DType>& formats, const std::vector<DType>& stored) {
    for (const DType type : stored) {
      all.push_back(fmt::format("pad {}", dtype_name(type)));
      const DType format = formats.size() == 1 ? formats[0] : type;
      const std::string operand = of(static_cast<std::int64_t>(format), static_cast<std::int64_t>(type));
      for (const char* way : {"", " transposed"}) all.push_back("push " + operand + way);
      for (const DType weights : formats) all.push_back(fmt::format("matmul {} x {}", operand, dtype_name(weights)));
    }
  };
  add(integers, integers);
  if (families.fixed) add({chip.fixed_format()}, {chip.fixed_format()});
  if (families.floating) add({DType::kBF16}, {DType::kBF16, DType::kF32});
  if (!chip.vpu.present) return all;
  for (const char* word : {"bind", "window"}) all.emplace_back(word);
  for (std::int64_t mode = 0; mode <= 14; ++mode) {
    if (mode != 7 && mode != 8) all.push_back(run_name(mode));
  }
  for (int op = 0; op < static_cast<int>(MicroOpcode::kCount); ++op) all.push_back(fmt::format("micro {}", micro_opcode_name(static_cast<MicroOpcode>(op))));
  for (const bool in_strides : {false, true}) {
    std::vector<DType> in_vmem(std::begin(kInVmem), std::end(kInVmem));
    in_vmem.push_back(chip.fixed_format());
    for (const DType type : in_vmem) {
      for (const bool write : {false, true}) all.push_back(stream_name({.type = static_cast<std::int64_t>(type)}, write, in_strides));
    }
    for (const DType type : kInAccumulators) {
      const isa::Bind words{.space = 3, .type = static_cast<std::int64_t>(type)};
      all.push_back(stream_name(words, false, in_strides));
      if (!in_strides) all.push_back(stream_name(words, true, false));
    }
  }
  return all;
}

std::string format_of(const Coverage& program) {
  std::set<std::string> formats;
  for (const auto& [what, count] : program) {
    if (!what.starts_with("matmul ")) continue;
    const std::string format = what.substr(7);
    formats.insert(format.starts_with("bf16") ? "bf16"
                   : format.starts_with('q')  ? format.substr(0, format.find(' '))
                                              : "int8");
  }
  return formats.empty() ? "vector" : formats.size() > 1 ? "mixed" : *formats.begin();
}

}  // namespace systole::rtl
