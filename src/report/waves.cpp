#include "report/waves.h"

#include <fmt/format.h>

#include "report/vcd.h"

namespace systole::report {
namespace {

struct Range { std::int64_t first = 0, last = 0; };

// "A:B" with 0 <= A <= B < size, or "A" alone.
Expected<Range> parse_range(const std::string& option, const std::string& text, std::int64_t size, const std::string& of) {
  const std::size_t colon = text.find(':');
  const std::string first = text.substr(0, colon), last = colon == std::string::npos ? first : text.substr(colon + 1);
  for (const std::string& number : {first, last}) {
    if (number.empty() || number.size() > 17 || number.find_first_not_of("0123456789") != std::string::npos) {
      return invalid_input(option, fmt::format("'{}' is not a first and a last number", text), "as 0:15");
    }
  }
  const Range range{std::stoll(first), std::stoll(last)};
  if (range.first > range.last) return invalid_input(option, fmt::format("'{}' ends before it begins", text), "the smaller number first");
  if (range.last >= size) {
    return invalid_input(option, fmt::format("'{}' goes beyond the {} {}", text, size, of), fmt::format("the last is {}", size - 1));
  }
  return range;
}

struct Column { const Signal* signal; VcdWriter::Id id; };

void sample(VcdWriter& writer, const std::vector<Column>& columns, bool wires) {
  for (const Column& column : columns) {
    if (column.signal->wire == wires) writer.change(column.id, column.signal->read());
  }
}

}  // namespace

std::string Signal::path() const {
  std::string text;
  for (const std::string& part : scope) text += part + ".";
  return text + name;
}

std::uint64_t text_bits(std::string_view text) {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < 8; ++i) bits = bits << 8 | static_cast<std::uint8_t>(i < text.size() ? text[i] : ' ');
  return bits;
}

Expected<ElementWindow> element_window(const Chip& chip, const std::string& text) {
  const std::int64_t rows = chip.mxu.rows, columns = chip.mxu.columns;
  if (text.empty()) {
    if (rows <= kElementsShown && columns <= kElementsShown) return ElementWindow{0, rows - 1, 0, columns - 1};
    return invalid_input("--elements", fmt::format("the array of {} has {} x {} elements, too many to show whole", chip.name, rows, columns),
                         "choose rows and columns, as --elements 0:7,0:7");
  }
  const std::size_t comma = text.find(',');
  if (comma == std::string::npos) return invalid_input("--elements " + text, "names no columns", "as --elements 0:7,0:7");
  SYSTOLE_ASSIGN(const Range row, parse_range("--elements " + text, text.substr(0, comma), rows, "rows of the array"));
  SYSTOLE_ASSIGN(const Range column, parse_range("--elements " + text, text.substr(comma + 1), columns, "columns of the array"));
  if ((row.last - row.first + 1) * (column.last - column.first + 1) > 4096) {
    return invalid_input("--elements " + text, "are more than 4096 elements", "choose fewer rows or columns");
  }
  return ElementWindow{row.first, row.last, column.first, column.last};
}

Expected<CycleWindow> cycle_window(std::int64_t cycles, const std::string& text) {
  if (text.empty()) return CycleWindow{0, std::max<std::int64_t>(cycles - 1, 0)};
  SYSTOLE_ASSIGN(const Range range, parse_range("--cycles " + text, text, cycles, "cycles of the program"));
  return CycleWindow{range.first, range.last};
}

Expected<WaveResult> write_vcd(const std::string& path, WaveSource& source, Hertz hertz, const WaveOptions& options) {
  SYSTOLE_ASSIGN(const WaveClock clock, wave_clock(hertz));
  SYSTOLE_ASSIGN(VcdWriter writer, VcdWriter::create(path, options.limit_bytes));
  writer.comment(fmt::format("{}\nA clock of the chip lasts {}{}. `clk` rises where a cycle begins; registers stand as they are\n"
                             "in that cycle, wires as they settle in it.",
                             options.title, clock.text(), clock.unit == "1ps" ? "" : "; each edge by itself is rounded to the nearest"));
  writer.timescale(clock.unit);
  std::vector<Column> columns;
  const auto& signals = source.signals();
  if (!signals.empty()) writer.scope({signals.front().scope.front()});
  const VcdWriter::Id clk = writer.variable("clk", 1), number = writer.variable("cycle", 64);
  for (const Signal& signal : signals) {
    writer.scope(signal.scope);
    columns.push_back({&signal, writer.variable(signal.name, signal.width)});
  }
  writer.end_definitions();

  WaveResult result{0, static_cast<std::int64_t>(signals.size())};
  while (!source.done() && source.cycle() <= options.cycles.last && !writer.full()) {
    const std::int64_t now = source.cycle();
    if (now < options.cycles.first) {
      source.step();
      continue;
    }
    const std::int64_t begin = source.clocks();
    writer.at(clock.time(2 * begin));
    sample(writer, columns, false);
    source.step();
    if (source.cycle() == now) break;                    // the program's end has no clock
    writer.change(clk, 1);
    writer.change(number, static_cast<std::uint64_t>(now));
    sample(writer, columns, true);
    writer.at(clock.time(begin + source.clocks()));
    writer.change(clk, 0);
    ++result.cycles;
  }
  writer.at(clock.time(2 * source.clocks()));
  sample(writer, columns, false);
  writer.mark();
  SYSTOLE_TRY(writer.finish());
  return result;
}

}  // namespace systole::report
