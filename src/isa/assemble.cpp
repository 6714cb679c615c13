// Text to program, line by line. Every error has line and column; the grammar stands in docs/isa.md.
#include <fmt/format.h>

#include <cstring>
#include <functional>
#include <limits>
#include <map>

#include "chip/suggest.h"
#include "isa/check_parts.h"
#include "isa/micro_text.h"
#include "isa/program.h"
#include "isa/table.h"
#include "isa/text_line.h"

namespace systole::isa {
namespace {

constexpr std::int64_t kAnyInteger = std::numeric_limits<std::int64_t>::max();

std::vector<std::string> known_units() {
  std::vector<std::string> names;
  for (int unit = 0; unit < push_unit(kMaxArrays); ++unit) names.push_back(unit_name(unit));
  return names;
}

std::vector<std::string> known_opcodes() {
  std::vector<std::string> names;
  for (const OpcodeInfo& row : instruction_table()) names.emplace_back(row.name);
  return names;
}

std::optional<std::int64_t> parse_space(std::string_view text) {
  for (std::int64_t space = 0; space < 4; ++space) {
    if (space_name(space) == text) return space;
  }
  return std::nullopt;
}

std::optional<Shape> parse_shape(std::string_view text) {
  Shape shape;
  if (text == "scalar") return shape;
  while (true) {
    const std::size_t end = std::min(text.find('x'), text.size());
    const auto size = parse_unsigned(text.substr(0, end));
    if (!size || *size > static_cast<std::uint64_t>(kAnyInteger)) return std::nullopt;
    shape.push_back(static_cast<std::int64_t>(*size));
    if (end == text.size()) return shape;
    text.remove_prefix(end + 1);
  }
}

class Assembler {
 public:
  explicit Assembler(const std::string& place) : place_(place) {}

  Status line(std::string_view text, std::size_t number) {
    TextLine line(text, number, place_);
    if (line.at_end()) return ok_status();
    SYSTOLE_ASSIGN(const Token first, line.word("a directive or a unit"));
    if (line.accept(':')) return instruction(line, first);
    static const std::map<std::string, Status (Assembler::*)(TextLine&), std::less<>> kDirectives = {
        {"chip", &Assembler::chip},     {"memory", &Assembler::memory}, {"host_operator", &Assembler::host_operator},
        {"input", &Assembler::input},   {"output", &Assembler::output}, {"layer", &Assembler::layer},
        {"micro", &Assembler::micro},   {"core", &Assembler::core},     {"image", &Assembler::image},
        {"data", &Assembler::data}};
    const auto found = kDirectives.find(first.text);
    if (found != kDirectives.end()) return (this->*found->second)(line);
    if (parse_unit(first.text)) return line.error(line.column(), fmt::format("expected ':' after '{}'", first.text), "as in mxu0: matmul ...");
    std::vector<std::string> names;
    for (const auto& entry : kDirectives) names.push_back(entry.first);
    return line.error(first.column, fmt::format("unknown directive '{}'", first.text), suggest(first.text, names));
  }

  Expected<Program> finish() {
    SYSTOLE_TRY(close_image());
    SYSTOLE_TRY(check_parts(program_, place_));
    return std::move(program_);
  }

 private:
  Expected<Arguments> arguments(TextLine& line) {
    SYSTOLE_ASSIGN(auto list, line.arguments());
    return Arguments(line, std::move(list));
  }

  Status chip(TextLine& line) {
    SYSTOLE_ASSIGN(const Token name, line.value("the chip's name in quotes"));
    SYSTOLE_ASSIGN(Arguments a, arguments(line));
    program_.chip = name.text;
    if (const Argument* argument = a.take("fingerprint")) {
      const auto value = parse_unsigned(argument->value.text);
      if (!value) return line.error(argument->value.column, fmt::format("'{}' is not a number", argument->value.text), "64 bits, as 0x1234");
      program_.fingerprint = *value;
    }
    SYSTOLE_TRY(a.text("format", program_.format));
    const std::string known[] = {"fingerprint", "format"};
    return a.finish(known);
  }

  Status memory(TextLine& line) {
    SYSTOLE_ASSIGN(Arguments a, arguments(line));
    SYSTOLE_TRY(a.integer("hbm", 0, kAnyInteger, program_.hbm_bytes));
    SYSTOLE_TRY(a.integer("cmem", 0, kAnyInteger, program_.cmem_bytes));
    SYSTOLE_TRY(a.integer("vmem", 0, kAnyInteger, program_.vmem_bytes));
    const std::string known[] = {"hbm", "cmem", "vmem"};
    return a.finish(known);
  }

  Status host_operator(TextLine& line) {
    SYSTOLE_ASSIGN(const Token name, line.value("an operator's name in quotes"));
    program_.host_operators.push_back(name.text);
    return line.expect_end();
  }

  Status space(const TextLine& line, Arguments& a, Space& value) {
    const Argument* argument = a.take("space");
    if (!argument) return ok_status();
    const auto parsed = parse_space(argument->value.text);
    if (!parsed || *parsed > 1) return line.error(argument->value.column, fmt::format("'{}' is not a far memory", argument->value.text), "hbm or cmem");
    value = static_cast<Space>(*parsed);
    return ok_status();
  }

  Status input(TextLine& line) { return binding(line, program_.inputs); }
  Status output(TextLine& line) { return binding(line, program_.outputs); }
  Status binding(TextLine& line, std::vector<Binding>& list) {
    Binding b;
    SYSTOLE_ASSIGN(const Token name, line.value("a tensor's name in quotes"));
    b.name = name.text;
    SYSTOLE_ASSIGN(Arguments a, arguments(line));
    if (const Argument* argument = a.take("type")) {
      auto type = parse_dtype(argument->value.text);
      if (!type.ok()) return line.error(argument->value.column, type.error().message, type.error().hint);
      b.type = *type;
    }
    if (const Argument* argument = a.take("shape")) {
      const auto shape = parse_shape(argument->value.text);
      if (!shape) return line.error(argument->value.column, fmt::format("'{}' is not a shape", argument->value.text), "as 1x3x224x224, or scalar");
      if (auto status = check_shape(*shape, ""); !status.ok()) return line.error(argument->value.column, status.error().message);
      b.shape = *shape;
    }
    SYSTOLE_TRY(space(line, a, b.space));
    SYSTOLE_TRY(a.integer("address", 0, kAnyInteger, b.address));
    list.push_back(std::move(b));
    const std::string known[] = {"type", "shape", "space", "address"};
    return a.finish(known);
  }

  Status number_in_order(TextLine& line, std::size_t expected, const char* what) {
    SYSTOLE_ASSIGN(const Token token, line.word(fmt::format("the {}'s number", what)));
    const auto number = parse_unsigned(token.text);
    if (number && *number == expected) return ok_status();
    return line.error(token.column, fmt::format("expected {} {}, found '{}'", what, expected, token.text), "they are numbered from 0 without gaps");
  }

  Status layer(TextLine& line) {
    SYSTOLE_TRY(number_in_order(line, program_.layers.size(), "layer"));
    Layer layer;
    SYSTOLE_ASSIGN(const Token name, line.value("the layer's name in quotes"));
    layer.name = name.text;
    SYSTOLE_ASSIGN(Arguments a, arguments(line));
    SYSTOLE_TRY(a.text("kind", layer.kind));
    SYSTOLE_TRY(a.integer("macs", std::numeric_limits<std::int64_t>::min(), kAnyInteger, layer.macs));
    program_.layers.push_back(std::move(layer));
    const std::string known[] = {"kind", "macs"};
    return a.finish(known);
  }

  Status micro(TextLine& line) {
    SYSTOLE_ASSIGN(const MicroOp op, parse_micro_text(line));
    program_.microcode.push_back(op);
    return ok_status();
  }

  Status core(TextLine& line) {
    SYSTOLE_TRY(number_in_order(line, program_.cores.size(), "core"));
    SYSTOLE_ASSIGN(Arguments a, arguments(line));
    with_layers_ = true;
    if (const Argument* argument = a.take("layers")) {
      if (argument->value.text != "none") return line.error(argument->value.column, "layers can only be none");
      with_layers_ = false;
    }
    program_.cores.emplace_back();
    const std::string known[] = {"layers"};
    return a.finish(known);
  }

  Status image(TextLine& line) {
    SYSTOLE_TRY(close_image());
    SYSTOLE_ASSIGN(Arguments a, arguments(line));
    Image image;
    SYSTOLE_TRY(space(line, a, image.space));
    SYSTOLE_TRY(a.integer("address", 0, kAnyInteger, image.address));
    image_bytes_ = 0;
    SYSTOLE_TRY(a.integer("bytes", 0, kAnyInteger, image_bytes_));
    image_line_ = line.error(1, "");
    program_.images.push_back(std::move(image));
    const std::string known[] = {"space", "address", "bytes"};
    return a.finish(known);
  }

  Status data(TextLine& line) {
    if (image_bytes_ < 0) return line.error(1, "data without an image before it");
    SYSTOLE_ASSIGN(const Token token, line.word("hexadecimal digits"));
    if (token.text.size() % 2 != 0) return line.error(token.column, "an odd number of hexadecimal digits", "two for a byte");
    const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; };
    for (std::size_t i = 0; i < token.text.size(); i += 2) {
      const int high = digit(token.text[i]), low = digit(token.text[i + 1]);
      if (high < 0 || low < 0) return line.error(token.column + i, fmt::format("'{}' is not a byte in hexadecimal", token.text.substr(i, 2)));
      bytes_.push_back(static_cast<std::uint8_t>(high << 4 | low));
    }
    return line.expect_end();
  }

  Status close_image() {
    if (image_bytes_ < 0) return ok_status();
    if (image_bytes_ != static_cast<std::int64_t>(bytes_.size())) {
      image_line_.message = fmt::format("the image says {} bytes, its data has {}", image_bytes_, bytes_.size());
      return image_line_;
    }
    Tensor& tensor = program_.images.back().bytes;
    tensor = Tensor(DType::kU8, {image_bytes_});
    if (!bytes_.empty()) std::memcpy(tensor.mutable_raw(), bytes_.data(), bytes_.size());
    bytes_.clear();
    image_bytes_ = -1;
    return ok_status();
  }

  Status mask(const TextLine& line, Arguments& a, const char* name, std::uint16_t& value) {
    const Argument* argument = a.take(name);
    if (!argument) return ok_status();
    std::string_view rest = argument->value.text;
    std::size_t column = argument->value.column;
    while (true) {
      const std::size_t end = std::min(rest.find(','), rest.size());
      const auto unit = parse_unit(rest.substr(0, end));
      if (!unit) return line.error(column, fmt::format("unknown unit '{}'", rest.substr(0, end)), suggest(rest.substr(0, end), known_units()));
      value = static_cast<std::uint16_t>(value | 1u << *unit);
      if (end == rest.size()) return ok_status();
      column += end + 1;
      rest.remove_prefix(end + 1);
    }
  }

  Status field(const TextLine& line, const FieldInfo& info, const Argument& argument, std::int64_t& value) {
    const std::string& text = argument.value.text;
    auto parsed = parse_integer(text);
    if (!parsed && info.kind == FieldKind::kSpace) parsed = parse_space(text);
    if (!parsed && info.kind == FieldKind::kType) {
      auto type = parse_dtype(text);
      if (!type.ok()) return line.error(argument.value.column, type.error().message, type.error().hint);
      parsed = static_cast<std::int64_t>(*type);
    }
    if (!parsed) return line.error(argument.value.column, fmt::format("'{}' is no value for '{}'", text, info.name), std::string(info.doc));
    if (*parsed < info.lowest() || *parsed > info.highest()) {
      return line.error(argument.value.column, fmt::format("{} does not fit in '{}'", *parsed, info.name), fmt::format("{} .. {}", info.lowest(), info.highest()));
    }
    value = *parsed;
    return ok_status();
  }

  Status instruction(TextLine& line, const Token& unit_token) {
    const auto unit = parse_unit(unit_token.text);
    if (!unit) return line.error(unit_token.column, fmt::format("unknown unit '{}'", unit_token.text), suggest(unit_token.text, known_units()));
    if (program_.cores.empty()) return line.error(unit_token.column, "an instruction before the first core", "begin with 'core 0'");
    SYSTOLE_ASSIGN(const Token name, line.word("an instruction"));
    const OpcodeInfo* info = find_opcode(name.text);
    if (!info) return line.error(name.column, fmt::format("unknown instruction '{}'", name.text), suggest(name.text, known_opcodes()));
    Instruction i{make_body(info->opcode), *unit, 0, 0};
    SYSTOLE_ASSIGN(Arguments a, arguments(line));
    SYSTOLE_TRY(mask(line, a, "wait", i.wait));
    SYSTOLE_TRY(mask(line, a, "signal", i.signal));
    std::int64_t layer = 0;
    SYSTOLE_TRY(a.integer("layer", 0, static_cast<std::int64_t>(program_.layers.size()) - 1, layer));
    std::vector<std::string> known = {"wait", "signal", "layer"};
    std::map<std::string, std::size_t, std::less<>> columns;
    for (std::size_t f = 0; f < info->fields.size(); ++f) {
      known.emplace_back(info->fields[f].name);
      const Argument* argument = a.take(info->fields[f].name);
      if (!argument) continue;
      std::int64_t value = 0;
      SYSTOLE_TRY(field(line, info->fields[f], *argument, value));
      set_field(i.body, static_cast<int>(f), value);
      columns[argument->key.text] = argument->key.column;
    }
    SYSTOLE_TRY(a.finish(known));
    if (auto status = check_instruction(i); !status.ok()) {
      const std::string& where = status.error().place;                       // "matmul.length"
      const auto column = columns.find(where.substr(where.find('.') + 1));
      return line.error(column == columns.end() ? name.column : column->second, where + ": " + status.error().message, status.error().hint);
    }
    CoreCode& core = program_.cores.back();
    core.code.push_back(std::move(i));
    if (with_layers_) core.layer.push_back(static_cast<std::uint16_t>(layer));
    return ok_status();
  }

  const std::string& place_;
  Program program_;
  bool with_layers_ = true;
  std::int64_t image_bytes_ = -1;          // of the open image, -1: none
  Error image_line_;
  std::vector<std::uint8_t> bytes_;
};

}  // namespace

Expected<Program> assemble(std::string_view text, const std::string& place) {
  Assembler assembler(place);
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    SYSTOLE_TRY(assembler.line(text.substr(0, end), number));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return assembler.finish();
}

}  // namespace systole::isa
