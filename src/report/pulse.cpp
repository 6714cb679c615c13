#include "report/pulse.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstdlib>

namespace systole::report {
namespace {

constexpr std::int64_t kMostWords = 4'000'000;     // elements x frames of a page

std::int64_t sign_extended(std::uint64_t word, int width) {
  return width >= 64 ? static_cast<std::int64_t>(word) : static_cast<std::int64_t>(word << (64 - width)) >> (64 - width);
}

// "3, -1 and 5", or "3, -1, 5, ..." beyond four.
std::string list(const std::vector<std::string>& items) {
  std::string text;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i == 4) return text + ", ...";
    text += (i == 0 ? "" : i + 1 == items.size() ? " and " : ", ") + items[i];
  }
  return text;
}

std::string numbers(const std::vector<std::int64_t>& items, const std::string& one, const std::string& many) {
  std::string text = items.size() == 1 ? one : many;
  if (items.empty()) return {};
  if (items.size() > 2 && items.back() - items.front() + 1 == static_cast<std::int64_t>(items.size())) {
    return fmt::format("{} {} to {}", text, items.front(), items.back());
  }
  std::vector<std::string> words;
  for (const std::int64_t item : items) words.push_back(fmt::format("{}", item));
  return text + " " + list(words);
}

struct Edge { std::vector<std::int64_t> places; std::vector<std::string> words; };

// What happened at the array in a frame, in sentences.
class Caption {
 public:
  Caption(const PulseMovie& movie, const std::vector<PulseElement>& frame) : movie_(movie), frame_(frame) {}

  std::string text() const {
    std::string out;
    const auto say = [&](const std::string& sentence) { out += (out.empty() ? "" : " ") + sentence; };
    if (const Edge weights = top(); !weights.places.empty()) {
      say(fmt::format("{} {} at the top of {}.", weights.words.size() == 1 ? "Weight" : "Weights", list(weights.words) + (weights.words.size() == 1 ? " enters" : " enter"),
                      numbers(weights.places, "column", "columns")));
    } else if (count([](const PulseElement& e) { return e.train; }) > 0) {
      say("Weights move down a row.");
    }
    if (const std::string sentence = switches(); !sentence.empty()) say(sentence);
    if (const Edge inputs = left(); !inputs.places.empty()) {
      say(fmt::format("{} {} at the left of {}.", inputs.words.size() == 1 ? "Input" : "Inputs", list(inputs.words) + (inputs.words.size() == 1 ? " enters" : " enter"),
                      numbers(inputs.places, "row", "rows")));
    }
    const std::int64_t working = count([](const PulseElement& e) { return e.valid; });
    if (working > 0) say(fmt::format("{} of {} elements multiply and add.", working, frame_.size()));
    if (const Edge sums = bottom(); !sums.places.empty()) {
      say(fmt::format("{} {} out of {}.", sums.words.size() == 1 ? "Sum" : "Sums", list(sums.words) + (sums.words.size() == 1 ? " comes" : " come"),
                      numbers(sums.places, "column", "columns")));
    }
    return out;
  }

 private:
  const PulseElement& at(std::int64_t r, std::int64_t c) const { return frame_[static_cast<std::size_t>(r * movie_.columns + c)]; }
  template <typename Test>
  std::int64_t count(Test test) const {
    std::int64_t n = 0;
    for (const PulseElement& element : frame_) n += test(element) ? 1 : 0;
    return n;
  }
  Edge top() const {
    Edge edge;
    for (std::int64_t c = 0; c < movie_.columns; ++c) {
      if (!at(0, c).train) continue;
      edge.places.push_back(c + movie_.first_column);
      edge.words.push_back(decode_word(at(0, c).shadow, movie_.operand, 32));
    }
    return edge;
  }
  Edge left() const {
    Edge edge;
    for (std::int64_t r = 0; r < movie_.rows; ++r) {
      if (!at(r, 0).valid) continue;
      edge.places.push_back(r + movie_.first_row);
      edge.words.push_back(decode_word(at(r, 0).value, movie_.operand, 32));
    }
    return edge;
  }
  Edge bottom() const {
    Edge edge;
    for (std::int64_t c = 0; c < movie_.columns; ++c) {
      if (!at(movie_.rows - 1, c).valid) continue;
      edge.places.push_back(c + movie_.first_column);
      edge.words.push_back(decode_word(at(movie_.rows - 1, c).sum, movie_.sum, 32));
    }
    return edge;
  }
  std::string switches() const {
    std::vector<std::string> places;
    for (std::int64_t r = 0; r < movie_.rows; ++r) {
      for (std::int64_t c = 0; c < movie_.columns; ++c) {
        if (at(r, c).switching) places.push_back(fmt::format("({}, {})", r + movie_.first_row, c + movie_.first_column));
      }
    }
    if (places.empty()) return {};
    return fmt::format("The switch reaches {}: new {} active.", list(places), places.size() == 1 ? "weight" : "weights");
  }

  const PulseMovie& movie_;
  const std::vector<PulseElement>& frame_;
};

void sample(const WaveSource& source, const std::vector<PanelSpec>& specs, bool after, std::vector<PulsePanel>& panels) {
  for (std::size_t p = 0; p < specs.size(); ++p) {
    if (specs[p].after != after) continue;
    for (std::size_t i = 0; i < specs[p].signals.size(); ++i) {
      const Signal& signal = source.signals()[specs[p].signals[i]];
      const std::uint64_t mask = signal.width >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << signal.width) - 1;
      panels[p].tracks[i].values.push_back(signal.read() & mask);
    }
  }
}

// Of a grid, the whole rows at its end that hold nothing but zero all the time.
void drop_empty_end(PulsePanel& panel) {
  const auto empty = [](const PulseTrack& track) { return std::all_of(track.values.begin(), track.values.end(), [](std::uint64_t value) { return value == 0; }); };
  const auto columns = static_cast<std::size_t>(panel.columns);
  while (columns > 0 && panel.tracks.size() > columns && std::all_of(panel.tracks.end() - panel.columns, panel.tracks.end(), empty)) {
    panel.tracks.resize(panel.tracks.size() - columns);
  }
}

std::string line_name(const Signal& signal) {
  return signal.name == "running" ? signal.scope.back() : signal.scope.size() > 2 ? signal.scope.back() + "." + signal.name : signal.name;
}

// In a quiet cycle: what the units do.
std::string quiet(const std::vector<PulsePanel>& panels) {
  std::vector<std::string> busy;
  for (const PulsePanel& panel : panels) {
    for (const PulseTrack& track : panel.tracks) {
      if (track.format != WaveFormat::kText || panel.columns != 0 || track.name.find('.') != std::string::npos) continue;
      const std::string word = decode_word(track.values.back(), track.format, track.width);
      if (!word.empty()) busy.push_back(track.name + " runs " + word);
    }
  }
  return busy.empty() ? "Nothing moves in the array." : "Nothing moves in the array; " + list(busy) + ".";
}

std::string decode_fixed(int value, int fraction) {
  const int one = 1 << fraction;
  const int digits = (std::abs(value) * 10000 + one / 2) / one;  // halves away from zero, as the page does
  std::string text = fmt::format("{}{}.{:04}", value < 0 ? "-" : "", digits / 10000, digits % 10000);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

}  // namespace

std::string decode_word(std::uint64_t word, WaveFormat format, int width) {
  if (const int fraction = fraction_of(format); fraction > 0)
    return decode_fixed(static_cast<std::int16_t>(word), fraction);
  switch (format) {
    case WaveFormat::kSigned: return fmt::format("{}", sign_extended(word, width));
    case WaveFormat::kFloat32: return fmt::format("{:.4g}", std::bit_cast<float>(static_cast<std::uint32_t>(word)));
    case WaveFormat::kHex: return fmt::format("{:0{}x}", word, (width + 3) / 4);
    case WaveFormat::kText: {
      std::string text;
      for (int shift = width - 8; shift >= 0; shift -= 8) {
        if (const char letter = static_cast<char>(word >> shift); letter > ' ') text += letter;
      }
      return text;
    }
    default: return fmt::format("{}", word);
  }
}

Expected<PulseMovie> record_pulse(PulseSource& source, const CycleWindow& cycles, const ElementWindow& elements, std::string title, std::string chip) {
  PulseMovie movie;
  movie.title = std::move(title);
  movie.chip = std::move(chip);
  movie.first_cycle = cycles.first;
  movie.first_row = elements.first_row, movie.first_column = elements.first_column;
  movie.rows = elements.last_row - elements.first_row + 1, movie.columns = elements.last_column - elements.first_column + 1;
  movie.operand = source.operand_format(), movie.sum = source.sum_format();
  if ((cycles.last - cycles.first + 1) * movie.rows * movie.columns > kMostWords) {
    return invalid_input("--html", fmt::format("{} cycles of {} elements are too many for a page", cycles.last - cycles.first + 1, movie.rows * movie.columns),
                         "choose fewer with --cycles A:B or --elements R0:R1,C0:C1");
  }
  const std::vector<PanelSpec> specs = source.panels();
  for (const PanelSpec& spec : specs) {
    movie.panels.push_back({spec.title, spec.columns, {}});
    for (const std::size_t index : spec.signals) {
      const Signal& signal = source.signals()[index];
      movie.panels.back().tracks.push_back({spec.columns == 0 || spec.title == "Vector unit" ? line_name(signal) : signal.name, signal.format, signal.width, {}});
    }
  }
  while (!source.done() && source.cycle() <= cycles.last) {
    const std::int64_t now = source.cycle();
    const bool shown = now >= cycles.first;
    if (shown) sample(source, specs, false, movie.panels);
    source.step();
    if (!shown) continue;
    sample(source, specs, true, movie.panels);
    std::vector<PulseElement> frame;
    for (std::int64_t r = elements.first_row; r <= elements.last_row; ++r) {
      for (std::int64_t c = elements.first_column; c <= elements.last_column; ++c) frame.push_back(source.element(r, c));
    }
    std::string caption = Caption(movie, frame).text();
    const std::string note = source.note();
    if (caption.empty() && note.empty()) caption = quiet(movie.panels);
    const std::string phase = source.phase();
    movie.captions.push_back((phase.empty() ? "" : phase + ": ") + caption + (caption.empty() || note.empty() ? "" : " ") + note);
    movie.frames.push_back(std::move(frame));
    if (source.cycle() == now) break;
  }
  for (PulsePanel& panel : movie.panels) drop_empty_end(panel);
  return movie;
}

PulseMovie active_part(const PulseMovie& movie) {
  const auto active = [&](const std::vector<PulseElement>& frame) {
    return std::any_of(frame.begin(), frame.end(), [](const PulseElement& e) { return e.valid || e.switching || e.train; });
  };
  std::int64_t first = -1, last = -1;
  for (std::size_t i = 0; i < movie.frames.size(); ++i) {
    if (!active(movie.frames[i])) continue;
    if (first < 0) first = static_cast<std::int64_t>(i);
    last = static_cast<std::int64_t>(i);
  }
  if (first < 0) return movie;
  first = std::max<std::int64_t>(first - 1, 0);
  last = std::min(last + 2, static_cast<std::int64_t>(movie.frames.size()) - 1);
  PulseMovie part = movie;
  const auto cut = [&](auto& list) { list = std::decay_t<decltype(list)>(list.begin() + first, list.begin() + last + 1); };
  part.first_cycle += first;
  cut(part.frames);
  cut(part.captions);
  for (PulsePanel& panel : part.panels) {
    for (PulseTrack& track : panel.tracks) cut(track.values);
  }
  return part;
}

}  // namespace systole::report
