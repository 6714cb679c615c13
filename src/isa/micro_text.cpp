#include "isa/micro_text.h"

#include <fmt/format.h>

#include <vector>

#include "chip/suggest.h"
#include "isa/instruction.h"

namespace systole::isa {
namespace {

const std::vector<std::string>& names() {
  static const std::vector<std::string> list = [] {
    std::vector<std::string> all;
    for (int i = 0; i < static_cast<int>(MicroOpcode::kCount); ++i) all.emplace_back(micro_opcode_name(static_cast<MicroOpcode>(i)));
    return all;
  }();
  return list;
}

// The operation with what the plain text does not show set to its default.
MicroOp shown_part(const MicroOp& op) {
  MicroOp shown;
  shown.op = op.op;
  const bool stores = op.op == MicroOpcode::kStore, streams = stores || op.op == MicroOpcode::kLoad;
  if (!stores) shown.d = op.d;
  if (streams) shown.slot = op.slot;
  if (op.op == MicroOpcode::kConst) shown.imm = op.imm;
  const std::uint8_t MicroOp::*const registers[] = {&MicroOp::a, &MicroOp::b, &MicroOp::c};
  std::uint8_t MicroOp::*const targets[] = {&MicroOp::a, &MicroOp::b, &MicroOp::c};
  for (int i = 0; i < micro_operand_count(op.op); ++i) {
    if (static_cast<int>(op.imm_operand) == i + 1) shown.imm_operand = op.imm_operand, shown.imm = op.imm;
    else shown.*targets[i] = op.*registers[i];
  }
  return shown;
}

class Parser {
 public:
  explicit Parser(TextLine& line) : line_(line) {}

  Expected<MicroOp> run() {
    SYSTOLE_ASSIGN(const Token name, line_.word("a micro-operation"));
    int opcode = 0;
    while (opcode < static_cast<int>(names().size()) && names()[static_cast<std::size_t>(opcode)] != name.text) ++opcode;
    if (opcode == static_cast<int>(names().size())) {
      return line_.error(name.column, fmt::format("unknown micro-operation '{}'", name.text), suggest(name.text, names()));
    }
    op_.op = static_cast<MicroOpcode>(opcode);
    const bool stores = op_.op == MicroOpcode::kStore;
    SYSTOLE_TRY(stores ? numbered('s', kVectorSlots, op_.slot) : numbered('r', kRegisters, op_.d));
    if (op_.op == MicroOpcode::kLoad) SYSTOLE_TRY(comma_numbered());
    if (op_.op == MicroOpcode::kConst) SYSTOLE_TRY(immediate());
    std::uint8_t* const registers[] = {&op_.a, &op_.b, &op_.c};
    for (int i = 0; i < micro_operand_count(op_.op); ++i) SYSTOLE_TRY(operand(i, *registers[i]));
    if (line_.accept('|')) SYSTOLE_TRY(hidden());
    SYSTOLE_TRY(line_.expect_end());
    return op_;
  }

 private:
  Status comma() {
    if (line_.accept(',')) return ok_status();
    return line_.error(line_.column(), fmt::format("expected ',' and another operand of {}", micro_opcode_name(op_.op)));
  }
  Status comma_numbered() {
    SYSTOLE_TRY(comma());
    return numbered('s', kVectorSlots, op_.slot);
  }
  Status numbered(char prefix, int count, std::uint8_t& value) {
    const char* const what = prefix == 'r' ? "a register r0 .. r31" : "a stream s0 .. s7";
    SYSTOLE_ASSIGN(const Token token, line_.word(what));
    return set_number(token, prefix, count, value, what);
  }
  Status set_number(const Token& token, char prefix, int count, std::uint8_t& value, const char* what) {
    const auto number = token.text.starts_with(prefix) ? parse_unsigned(std::string_view(token.text).substr(1)) : std::nullopt;
    if (!number || *number >= static_cast<std::uint64_t>(count)) return line_.error(token.column, fmt::format("'{}' is not {}", token.text, what));
    value = static_cast<std::uint8_t>(*number);
    return ok_status();
  }
  Status set_immediate(const Token& token) {
    const auto bits = parse_unsigned(token.text);
    if (!bits || *bits > 0xFFFFFFFFu) return line_.error(token.column, fmt::format("'{}' is not 32 bits", token.text), "bits of an fp32 or an int32, as 0x3f800000");
    op_.imm = static_cast<std::uint32_t>(*bits);
    return ok_status();
  }
  Status immediate() {
    SYSTOLE_TRY(comma());
    SYSTOLE_ASSIGN(const Token token, line_.word("an immediate"));
    return set_immediate(token);
  }
  Status operand(int index, std::uint8_t& value) {
    SYSTOLE_TRY(comma());
    SYSTOLE_ASSIGN(const Token token, line_.word("a register or an immediate"));
    if (token.text.starts_with('r')) return set_number(token, 'r', kRegisters, value, "a register r0 .. r31");
    if (op_.imm_operand != MicroOp::Imm::kNone) return line_.error(token.column, "a second immediate", "at most one operand is an immediate");
    op_.imm_operand = static_cast<MicroOp::Imm>(index + 1);
    return set_immediate(token);
  }
  Status hidden() {
    SYSTOLE_ASSIGN(auto list, line_.arguments());
    Arguments arguments(line_, std::move(list));
    const std::string fields[] = {"d", "a", "b", "c", "slot", "imm_operand", "imm"};
    std::int64_t values[] = {op_.d, op_.a, op_.b, op_.c, op_.slot, static_cast<std::int64_t>(op_.imm_operand), op_.imm};
    const std::int64_t highest[] = {31, 31, 31, 31, 7, op_.op == MicroOpcode::kConst ? 1 : micro_operand_count(op_.op), 0xFFFFFFFF};
    for (int i = 0; i < 7; ++i) SYSTOLE_TRY(arguments.integer(fields[i], 0, highest[i], values[i]));
    SYSTOLE_TRY(arguments.finish(fields));
    std::uint8_t* const bytes[] = {&op_.d, &op_.a, &op_.b, &op_.c, &op_.slot};
    for (int i = 0; i < 5; ++i) *bytes[i] = static_cast<std::uint8_t>(values[i]);
    op_.imm_operand = static_cast<MicroOp::Imm>(values[5]);
    op_.imm = static_cast<std::uint32_t>(values[6]);
    return ok_status();
  }

  TextLine& line_;
  MicroOp op_;
};

}  // namespace

std::string micro_text(const MicroOp& op) {
  std::string text = format_micro_op(op);
  const MicroOp shown = shown_part(op);
  if (shown == op) return text;
  text += " |";
  const auto add = [&](const char* name, std::uint32_t value, std::uint32_t visible) {
    if (value != visible) text += fmt::format(" {}={:#x}", name, value);
  };
  add("d", op.d, shown.d);
  add("a", op.a, shown.a);
  add("b", op.b, shown.b);
  add("c", op.c, shown.c);
  add("slot", op.slot, shown.slot);
  add("imm_operand", static_cast<std::uint32_t>(op.imm_operand), static_cast<std::uint32_t>(shown.imm_operand));
  add("imm", op.imm, shown.imm);
  return text;
}

Expected<MicroOp> parse_micro_text(TextLine& line) { return Parser(line).run(); }

}  // namespace systole::isa
