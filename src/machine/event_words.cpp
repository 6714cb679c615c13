#include "machine/event_words.h"

#include <variant>

#include "timing/timing.h"

namespace systole::machine {
namespace {

constexpr std::size_t kVmem = 2;
constexpr std::int32_t kNever = -2;   // no price yet; -1 stands for "nothing has set it"

std::string_view name_of(const isa::Body& body) {
  return std::visit([](const auto& fields) { return std::decay_t<decltype(fields)>::kName; }, body);
}

Word::Kind kind_of(const isa::Instruction& instruction) {
  if (instruction.unit != isa::kScalar) return Word::Kind::kQueued;
  if (instruction.as<isa::Loop>()) return Word::Kind::kLoop;
  if (instruction.as<isa::End>()) return Word::Kind::kEnd;
  if (instruction.as<isa::Barrier>()) return Word::Kind::kBarrier;
  return instruction.as<isa::Halt>() ? Word::Kind::kHalt : Word::Kind::kScalar;
}

Word::Role role_of(const isa::Instruction& instruction) {
  if (instruction.as<isa::Push>()) return Word::Role::kPush;
  if (const auto* matmul = instruction.as<isa::Matmul>()) return matmul->swap != 0 ? Word::Role::kSwap : Word::Role::kMatmul;
  if (instruction.as<isa::Load>() || instruction.as<isa::Store>() || instruction.as<isa::Gather>()) return Word::Role::kTransfer;
  if (instruction.as<isa::Bind>()) return Word::Role::kBind;
  if (instruction.as<isa::Window>()) return Word::Role::kWindow;
  if (instruction.as<isa::Pad>()) return Word::Role::kPad;
  return instruction.as<isa::Run>() ? Word::Role::kRun : Word::Role::kOther;
}

void price_transfer(Word& word, const isa::Instruction& instruction, const Chip& chip) {
  const MemorySpec& memory = timing::far_memory(chip, instruction);
  word.memory = &memory == &chip.cmem ? kFarCmem : kFarHbm;
  word.bursts = timing::bursts(chip, instruction);
  word.alone = timing::transfer_cycles(memory, word.bursts);
  const std::int64_t bytes = timing::transfer_bytes(instruction);
  (instruction.as<isa::Store>() ? word.written : word.read)[word.memory] = bytes;
  const VmemTraffic vmem = dma_traffic(instruction);
  word.read[kVmem] = vmem.read;
  word.written[kVmem] = vmem.written;
}

}  // namespace

Words::Words(const isa::Program& program, const isa::CoreCode& core, const Chip& chip)
    : program_(&program), core_(&core), chip_(&chip) {
  context_.fill(-1);
  pad_.fill(-1);
  Context never;
  never.fill(kNever);
  priced_.assign(core.code.size(), never);
  words_.reserve(core.code.size());
  const std::array<isa::Bind, isa::kVectorSlots> no_binds{};
  for (std::size_t i = 0; i < core.code.size(); ++i) {
    const isa::Instruction& instruction = core.code[i];
    Word word;
    word.kind = kind_of(instruction);
    word.role = role_of(instruction);
    word.unit = instruction.unit;
    word.wait = instruction.wait;
    word.signal = instruction.signal;
    word.layer = i < core.layer.size() ? core.layer[i] : std::uint16_t{0};
    word.name = name_of(instruction.body);
    if (const auto* loop = instruction.as<isa::Loop>()) word.count = loop->count;
    if (word.role == Word::Role::kTransfer) price_transfer(word, instruction, chip);
    if (const auto* push = instruction.as<isa::Push>()) word.read[kVmem] = push_traffic(*push).read;
    if (const auto* matmul = instruction.as<isa::Matmul>()) {
      word.macs = matmul->images * matmul->out_rows * matmul->out_columns * matmul->length * matmul->columns;
    }
    if (word.role != Word::Role::kRun) word.busy = timing::busy_cycles(chip, instruction, program.microcode, no_binds);
    word.tail = timing::tail_cycles(chip, instruction);
    words_.push_back(word);
  }
}

const Word& Words::fetch(std::int64_t index) {
  const Word& word = at(index);
  switch (word.role) {
    case Word::Role::kBind: {
      const auto& bind = std::get<isa::Bind>(core_->code[static_cast<std::size_t>(index)].body);
      context_[static_cast<std::size_t>(bind.slot) % isa::kVectorSlots] = static_cast<std::int32_t>(index);
      break;
    }
    case Word::Role::kWindow: context_[isa::kVectorSlots] = static_cast<std::int32_t>(index); break;
    case Word::Role::kPad: pad_[word.unit] = static_cast<std::int32_t>(index); break;
    case Word::Role::kRun:
      if (priced_[static_cast<std::size_t>(index)] != context_) price_run(index);
      break;
    case Word::Role::kMatmul:
    case Word::Role::kSwap:
      if (priced_[static_cast<std::size_t>(index)][0] != pad_[word.unit]) price_matmul(index);
      break;
    default: break;
  }
  return word;
}

void Words::price_run(std::int64_t index) {
  VectorContext context;
  for (std::size_t slot = 0; slot < isa::kVectorSlots; ++slot) {
    if (context_[slot] >= 0) context.binds[slot] = std::get<isa::Bind>(core_->code[static_cast<std::size_t>(context_[slot])].body);
  }
  const std::int32_t window = context_[isa::kVectorSlots];
  if (window >= 0) context.window = std::get<isa::Window>(core_->code[static_cast<std::size_t>(window)].body);
  const auto& run = std::get<isa::Run>(core_->code[static_cast<std::size_t>(index)].body);
  Word& word = words_[static_cast<std::size_t>(index)];
  word.busy = timing::run_cycles(*chip_, run, program_->microcode, context.binds);
  const VmemTraffic vmem = run_traffic(run, program_->microcode, context);
  word.read[kVmem] = vmem.read;
  word.written[kVmem] = vmem.written;
  priced_[static_cast<std::size_t>(index)] = context_;
}

void Words::price_matmul(std::int64_t index) {
  Word& word = words_[static_cast<std::size_t>(index)];
  const std::int32_t pad = pad_[word.unit];
  const isa::Pad bounds = pad >= 0 ? std::get<isa::Pad>(core_->code[static_cast<std::size_t>(pad)].body) : isa::Pad{};
  word.read[kVmem] = matmul_traffic(std::get<isa::Matmul>(core_->code[static_cast<std::size_t>(index)].body), bounds).read;
  priced_[static_cast<std::size_t>(index)][0] = pad;
}

}  // namespace systole::machine
