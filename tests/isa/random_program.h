// Random instructions and programs that pass check_instruction, for round trips.
#pragma once

#include "base/random.h"
#include "isa/program.h"
#include "isa/table.h"

namespace systole::isa {

// Often at an end of the field's range, where widths go wrong.
inline std::int64_t random_value(Random& random, const FieldInfo& field) {
  if (random.chance(0.2)) return field.highest();
  if (random.chance(0.2)) return field.lowest();
  return random.integer(field.lowest(), field.highest());
}

// Any value in any field: encodes and decodes, but need not pass check_instruction.
inline Instruction random_word(Random& random, int opcode) {
  Instruction instruction{make_body(opcode), static_cast<UnitId>(random.integer(0, 15)), static_cast<std::uint16_t>(random.bits()),
                          static_cast<std::uint16_t>(random.bits())};
  const auto fields = instruction_table()[static_cast<std::size_t>(opcode)].fields;
  for (std::size_t i = 0; i < fields.size(); ++i) set_field(instruction.body, static_cast<int>(i), random_value(random, fields[i]));
  return instruction;
}

// Draws fields one by one and keeps those that the check accepts.
inline Instruction random_instruction(Random& random) {
  const int opcode = static_cast<int>(random.integer(0, kOpcodes - 1));
  const OpcodeInfo& info = instruction_table()[static_cast<std::size_t>(opcode)];
  Instruction valid{make_body(opcode), 0, 0, 0};
  for (const char* field : {"bytes", "rows", "planes", "columns", "count", "limit", "length"}) {
    const int position = find_field(info, field);
    if (position >= 0 && get_field(valid.body, position) == 0) set_field(valid.body, position, 1);
  }
  while (!check_instruction(valid).ok()) ++valid.unit;
  for (std::size_t i = 0; i < info.fields.size(); ++i) {
    Instruction trial = valid;
    set_field(trial.body, static_cast<int>(i), random_value(random, info.fields[i]));
    if (check_instruction(trial).ok()) valid = trial;
  }
  for (int tries = 0; tries < 4; ++tries) {
    Instruction trial = valid;
    trial.unit = static_cast<UnitId>(random.integer(0, 13));
    trial.wait = static_cast<std::uint16_t>(random.bits() & 0x3FFF);
    trial.signal = static_cast<std::uint16_t>(random.bits() & 0x3FFF);
    if (check_instruction(trial).ok()) valid = trial;
  }
  return valid;
}

inline MicroOp random_micro_op(Random& random) {
  MicroOp op;
  op.op = static_cast<MicroOpcode>(random.integer(0, static_cast<int>(MicroOpcode::kCount) - 1));
  for (std::uint8_t* r : {&op.d, &op.a, &op.b, &op.c}) *r = static_cast<std::uint8_t>(random.integer(0, kRegisters - 1));
  op.slot = static_cast<std::uint8_t>(random.integer(0, kVectorSlots - 1));
  op.imm_operand = static_cast<MicroOp::Imm>(random.integer(0, op.op == MicroOpcode::kConst ? 1 : micro_operand_count(op.op)));
  op.imm = static_cast<std::uint32_t>(random.bits());
  return op;
}

inline std::string random_text(Random& random) {
  std::string text;
  for (std::int64_t n = random.integer(0, 12); n > 0; --n) text += static_cast<char>(random.integer(0, 255));
  return text;
}

inline Binding random_binding(Random& random) {
  Binding b{random_text(random),
            static_cast<DType>(random.integer(0, kDTypes - 1)),
            {},
            static_cast<Space>(random.integer(0, 1)),
            random.integer(0, 1 << 30)};
  for (std::int64_t n = random.integer(0, 4); n > 0; --n) b.shape.push_back(random.integer(0, 20));
  return b;
}

inline Program random_program(Random& random) {
  Program p;
  p.chip = random_text(random);
  p.fingerprint = random.bits();
  p.format = random_text(random);
  p.hbm_bytes = random.integer(0, 1 << 30);
  p.cmem_bytes = random.integer(0, 1 << 30);
  p.vmem_bytes = random.integer(0, 1 << 30);
  for (std::int64_t n = random.integer(0, 3); n > 0; --n) p.layers.push_back({random_text(random), random_text(random), static_cast<std::int64_t>(random.bits())});
  for (std::int64_t n = random.integer(0, 3); n > 0; --n) {
    CoreCode core;
    const bool labelled = !p.layers.empty() && random.chance(0.7);
    for (std::int64_t m = random.integer(0, 20); m > 0; --m) {
      core.code.push_back(random_instruction(random));
      if (labelled) core.layer.push_back(static_cast<std::uint16_t>(random.integer(0, static_cast<std::int64_t>(p.layers.size()) - 1)));
    }
    p.cores.push_back(std::move(core));
  }
  for (std::int64_t n = random.integer(0, 10); n > 0; --n) p.microcode.push_back(random_micro_op(random));
  for (std::int64_t n = random.integer(0, 2); n > 0; --n) {
    Image image{static_cast<Space>(random.integer(0, 1)), random.integer(0, 1 << 30), Tensor(DType::kU8, {random.integer(0, 200)})};
    for (std::int64_t i = 0; i < image.bytes.count(); ++i) image.bytes.mutable_raw()[i] = static_cast<std::uint8_t>(random.bits());
    p.images.push_back(std::move(image));
  }
  for (std::int64_t n = random.integer(0, 2); n > 0; --n) p.inputs.push_back(random_binding(random));
  for (std::int64_t n = random.integer(0, 2); n > 0; --n) p.outputs.push_back(random_binding(random));
  for (std::int64_t n = random.integer(0, 2); n > 0; --n) p.host_operators.push_back(random_text(random));
  return p;
}

}  // namespace systole::isa
