// The animation: SMIL, so that it also moves where a page shows it as an image. Every text is there from the start and visible in its
// frames; what moves, moves between the places of two frames.
#include <fmt/format.h>

#include <functional>

#include "report/pulse.h"

namespace systole::report {
namespace {

constexpr double kFrameSeconds = 1.0, kMove = 0.35;      // of a frame, part of it spent on moving
constexpr std::int64_t kMostWords = 20'000;              // elements x frames
constexpr double kHeight = 104, kGap = 34, kChipHeight = 26, kPitchY = 34;

constexpr const char* kStyle =
    ":root{--page:#fff;--ink:#1c2330;--soft:#5d6879;--line:#d3d9e2;--cell:#eef1f5;--work:#fff1d6;--input:#f0a020;--inputink:#3b2500;--sum:#2f6fde;--sumink:#fff;"
    "--weight:#12897b;--weightink:#fff;--switch:#8b3fd1}"
    "@media(prefers-color-scheme:dark){:root{--page:#161b23;--ink:#e7ecf4;--soft:#93a0b4;--line:#343e4d;--cell:#232b37;--work:#4a3a17;--input:#f2b046;--inputink:#2a1a00;"
    "--sum:#5b92f5;--sumink:#07152e;--weight:#35b3a3;--weightink:#04211d;--switch:#b884f0}}"
    "text{font-family:system-ui,'Segoe UI','DejaVu Sans',sans-serif;fill:var(--ink)}.p{fill:var(--page)}.w{stroke:var(--line);stroke-width:2}"
    ".c{fill:var(--cell);stroke:var(--line)}.v{fill:var(--work);stroke:var(--input)}.s{fill:none;stroke:var(--switch);stroke-width:4}"
    ".b{fill:none;stroke:var(--weight);stroke-dasharray:3 3}.t{fill:var(--weight)}.n{font-size:11px;fill:var(--soft)}.a{font-size:21px;font-weight:650}"
    ".h{font-size:14px;fill:var(--weight);text-anchor:middle}.k text{font-size:14.5px;font-weight:650;text-anchor:middle}"
    ".i rect{fill:var(--input)}.i text{fill:var(--inputink)}.o rect{fill:var(--sum)}.o text{fill:var(--sumink)}.g rect{fill:var(--weight)}.g text{fill:var(--weightink)}"
    ".m{font-size:17px}.y{font-size:26px;font-weight:650}.l{font-size:13px;fill:var(--soft)}";

struct Point { double x, y; };

class Animation {
 public:
  explicit Animation(const PulseMovie& movie)
      : movie_(movie), wide_(movie.operand != WaveFormat::kSigned), width_(wide_ ? 192 : 132), slot_(wide_ ? 64 : 44), chip_(wide_ ? 68 : 58), pitch_(chip_ + 8),
        frames_(static_cast<std::int64_t>(movie.frames.size())), left_(std::min<std::int64_t>(movie.rows + 1, 5)),
        top_(std::min<std::int64_t>(movie.rows, 4)), bottom_(std::min<std::int64_t>(movie.columns, 4)), x0_(40 + static_cast<double>(left_) * pitch_),
        y0_(150 + static_cast<double>(top_) * kPitchY) {}

  std::string text() {
    const double width = std::max(cell(0, movie_.columns - 1).x + width_ + 24, 720.0), height = sum(movie_.rows + bottom_ - 1, 0).y + 34;
    out_ = fmt::format("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {:.0f} {:.0f}\" width=\"{:.0f}\" height=\"{:.0f}\">\n<title>{}</title>\n<style>{}</style>\n"
                       "<rect class=\"p\" width=\"100%\" height=\"100%\"/>\n",
                       width, height, width, height, escaped(movie_.title), kStyle);
    header();
    wires();
    for (std::int64_t r = 0; r < movie_.rows; ++r) {
      for (std::int64_t c = 0; c < movie_.columns; ++c) element(r, c);
    }
    inputs();
    weights();
    sums();
    return out_ + "</svg>\n";
  }

 private:
  Point cell(std::int64_t r, std::int64_t c) const {
    return {x0_ + static_cast<double>(c) * (width_ + kGap), y0_ + static_cast<double>(r) * (kHeight + kGap)};
  }
  Point input(std::int64_t r, std::int64_t c) const {
    const double y = cell(r, 0).y + 52;
    return c >= 0 ? Point{cell(r, c).x + 10 + chip_ / 2, y} : Point{x0_ - 22 - chip_ / 2 + static_cast<double>(c + 1) * pitch_, y};
  }
  Point sum(std::int64_t r, std::int64_t c) const {
    const double x = cell(0, c).x + width_ - 10 - chip_ / 2;
    if (r < 0) return {x, cell(0, c).y + 30};
    return r < movie_.rows ? Point{x, cell(r, c).y + kHeight - 20}
                           : Point{x, cell(movie_.rows - 1, c).y + kHeight + kGap + 12 + static_cast<double>(r - movie_.rows) * kPitchY};
  }
  Point weight(std::int64_t r, std::int64_t c) const {
    const double x = cell(0, c).x + width_ - 10 - slot_ / 2;
    return {x, r >= 0 ? y0_ + 20 : y0_ - 26 + static_cast<double>(r + 1) * kPitchY};
  }
  double key(double frame) const { return frame / static_cast<double>(frames_); }

  static std::string escaped(const std::string& text) {
    std::string out;
    for (const char c : text) out += c == '<' ? "&lt;" : c == '&' ? "&amp;" : std::string(1, c);
    return out;
  }
  std::string timing() const { return fmt::format("dur=\"{:.1f}s\" repeatCount=\"indefinite\"", kFrameSeconds * static_cast<double>(frames_)); }

  // Visible in the frames first .. last.
  std::string visible(std::int64_t first, std::int64_t last) const {
    if (first == 0 && last + 1 == frames_) return {};
    std::string values, keys;
    const auto point = [&](std::int64_t frame, const char* value) {
      values += fmt::format("{}{}", values.empty() ? "" : ";", value);
      keys += fmt::format("{}{:.5g}", keys.empty() ? "" : ";", key(static_cast<double>(frame)));
    };
    if (first > 0) point(0, "hidden");
    point(first, "visible");
    if (last + 1 < frames_) point(last + 1, "hidden");
    return fmt::format("<animate attributeName=\"visibility\" values=\"{}\" keyTimes=\"{}\" calcMode=\"discrete\" {}/>", values, keys, timing());
  }
  // Calls use(first, last, frame's value) for every run of equal values.
  template <typename Value, typename Use>
  void runs(Value value, Use use) const {
    for (std::int64_t first = 0; first < frames_;) {
      std::int64_t last = first;
      while (last + 1 < frames_ && value(last + 1) == value(first)) ++last;
      use(first, last, value(first));
      first = last + 1;
    }
  }

  void label(double x, double y, const char* style, std::int64_t first, std::int64_t last, const std::string& text) {
    out_ += fmt::format("<text x=\"{:.0f}\" y=\"{:.0f}\" class=\"{}\">{}{}</text>\n", x, y, style, escaped(text), visible(first, last));
  }
  void shape(const char* style, Point at, double width, double height, double radius, std::int64_t first, std::int64_t last) {
    out_ += fmt::format("<rect class=\"{}\" x=\"{:.0f}\" y=\"{:.0f}\" width=\"{:.0f}\" height=\"{:.0f}\" rx=\"{:.0f}\">{}</rect>\n", style, at.x, at.y, width, height, radius,
                        visible(first, last));
  }

  void header() {
    label(20, 34, "m", 0, frames_ - 1, movie_.title);
    for (std::int64_t k = 0; k < frames_; ++k) {
      label(20, 72, "y", k, k, fmt::format("cycle {}", movie_.first_cycle + k));
      // Two lines at most.
      std::string text = movie_.captions[static_cast<std::size_t>(k)];
      constexpr std::size_t kLine = 88;
      std::size_t cut = text.size();
      if (text.size() > kLine) cut = std::min(text.rfind(' ', kLine), text.size());
      label(190, 62, "l", k, k, text.substr(0, cut));
      if (cut < text.size()) {
        std::string rest = text.substr(cut + 1);
        if (rest.size() > kLine) rest = rest.substr(0, rest.rfind(' ', kLine - 4)) + " ...";
        label(190, 82, "l", k, k, rest);
      }
    }
  }
  void wires() {
    for (std::int64_t r = 0; r < movie_.rows; ++r) {
      out_ += fmt::format("<path class=\"w\" d=\"M{2:.0f} {0:.0f}H{1:.0f}\"/>\n", input(r, 0).y, cell(r, movie_.columns - 1).x + width_, x0_ - 14);
    }
    for (std::int64_t c = 0; c < movie_.columns; ++c) {
      out_ += fmt::format("<path class=\"w\" d=\"M{0:.0f} {1:.0f}V{2:.0f}M{3:.0f} {4:.0f}V{1:.0f}\"/>\n", sum(0, c).x, y0_,
                          cell(movie_.rows - 1, 0).y + kHeight + 22, weight(0, c).x, y0_ - 12);
    }
    label(x0_, 112, "l", 0, frames_ - 1, "weights come in at the top");
    label(20, y0_ + 8, "l", 0, frames_ - 1, "inputs come in at the left");
    label(20, sum(movie_.rows, 0).y + 5, "l", 0, frames_ - 1, "sums come out at the bottom");
  }

  void element(std::int64_t r, std::int64_t c) {
    const Point at = cell(r, c);
    const auto where = [&](auto member, const std::function<void(std::int64_t, std::int64_t)>& use) {
      runs([&](std::int64_t k) { return movie_.at(k, r, c).*member; }, [&](std::int64_t first, std::int64_t last, bool on) {
        if (on) use(first, last);
      });
    };
    const Point slot{at.x + width_ - 10 - slot_, at.y + 8};
    shape("c", at, width_, kHeight, 10, 0, frames_ - 1);
    where(&PulseElement::valid, [&](std::int64_t first, std::int64_t last) { shape("v", at, width_, kHeight, 10, first, last); });
    where(&PulseElement::switching, [&](std::int64_t first, std::int64_t last) { shape("s", at, width_, kHeight, 10, first, last); });
    shape("b", slot, slot_, 24, 6, 0, frames_ - 1);
    label(at.x + 10, at.y + kHeight - 8, "n", 0, frames_ - 1, fmt::format("({}, {})", r + movie_.first_row, c + movie_.first_column));
    label(at.x + 10, at.y + 25, "n", 0, frames_ - 1, "w");
    runs([&](std::int64_t k) { return movie_.at(k, r, c).active; },
         [&](std::int64_t first, std::int64_t last, std::uint32_t word) { label(at.x + 24, at.y + 28, "a", first, last, decode_word(word, movie_.operand, 32)); });
    runs([&](std::int64_t k) { return movie_.at(k, r, c).shadow; },
         [&](std::int64_t first, std::int64_t last, std::uint32_t word) { label(slot.x + slot_ / 2, slot.y + 17, "h", first, last, decode_word(word, movie_.operand, 32)); });
  }

  // A chip that stands at places[i] in frame first + i, and moves there from the place before; `from`: where it comes from.
  void chip(const char* style, std::int64_t first, Point from, const std::vector<Point>& places, const std::string& text) {
    std::string values, keys;
    const auto point = [&](double frame, Point at) {
      values += fmt::format("{}{:.0f} {:.0f}", values.empty() ? "" : ";", at.x, at.y);
      keys += fmt::format("{}{:.5g}", keys.empty() ? "" : ";", key(frame));
    };
    point(0, from);
    if (first > 0) point(static_cast<double>(first), from);
    Point before = from;
    for (std::size_t i = 0; i < places.size(); ++i) {
      const double frame = static_cast<double>(first) + static_cast<double>(i);
      if (i > 0) point(frame, before);
      point(frame + kMove, places[i]);
      before = places[i];
    }
    point(static_cast<double>(frames_), before);
    const std::int64_t last = first + static_cast<std::int64_t>(places.size()) - 1;
    const char* const size = text.size() > (wide_ ? 7u : 5u) ? " style=\"font-size:12px\"" : "";
    out_ += fmt::format("<g class=\"k {}\"><animateTransform attributeName=\"transform\" type=\"translate\" values=\"{}\" keyTimes=\"{}\" {}/>{}"
                        "<rect x=\"{:.0f}\" y=\"{:.0f}\" width=\"{:.0f}\" height=\"{:.0f}\" rx=\"13\"/><text y=\"5\"{}>{}</text></g>\n",
                        style, values, keys, timing(), visible(first, last), -chip_ / 2, -kChipHeight / 2, chip_, kChipHeight, size, escaped(text));
  }
  void inputs() {
    for (std::int64_t r = 0; r < movie_.rows; ++r) {
      for (std::int64_t birth = 0; birth < frames_; ++birth) {          // enters column 0 in that frame
        if (!movie_.at(birth, r, 0).valid) continue;
        const std::int64_t first = std::max<std::int64_t>(birth - left_, 0);
        std::vector<Point> places;
        for (std::int64_t k = first; k < frames_ && k - birth < movie_.columns; ++k) places.push_back(input(r, k - birth));
        chip("i", first, input(r, first - birth - 1), places, decode_word(movie_.at(birth, r, 0).value, movie_.operand, 32));
      }
    }
  }
  void weights() {
    for (std::int64_t c = 0; c < movie_.columns; ++c) {
      for (std::int64_t birth = 1; birth < frames_; ++birth) {
        if (!movie_.at(birth, 0, c).train) continue;
        const std::int64_t first = std::max<std::int64_t>(birth - top_, 0);
        std::vector<Point> places;
        for (std::int64_t k = first; k < birth; ++k) places.push_back(weight(k - birth, c));
        chip("g", first, weight(first - birth - 1, c), places, decode_word(movie_.at(birth, 0, c).shadow, movie_.operand, 32));
      }
    }
    // Into the shadow, and from shadow to shadow.
    for (std::int64_t r = 0; r < movie_.rows; ++r) {
      for (std::int64_t c = 0; c < movie_.columns; ++c) {
        for (std::int64_t k = 0; k < frames_; ++k) {
          if (!movie_.at(k, r, c).train) continue;
          const Point to{weight(0, c).x, cell(r, c).y + 20}, from = r == 0 ? weight(-1, c) : Point{to.x, cell(r - 1, c).y + 20};
          chip("g", k, from, {to}, decode_word(movie_.at(k, r, c).shadow, movie_.operand, 32));
        }
      }
    }
  }
  void sums() {
    for (std::int64_t c = 0; c < movie_.columns; ++c) {
      for (std::int64_t k = 0; k < frames_; ++k) {
        for (std::int64_t r = 0; r < movie_.rows; ++r) {
          if (!movie_.at(k, r, c).valid) continue;
          std::vector<Point> places{sum(r, c)};
          if (r + 1 == movie_.rows) {
            for (std::int64_t d = 1; d <= bottom_ && k + d < frames_; ++d) places.push_back(sum(r + d, c));
          }
          chip("o", k, sum(r - 1, c), places, decode_word(movie_.at(k, r, c).sum, movie_.sum, 32));
        }
      }
    }
  }

  const PulseMovie& movie_;
  bool wide_;                                            // fractions need room
  double width_, slot_, chip_, pitch_;                   // of an element, its shadow weight, a chip; from chip to chip
  std::int64_t frames_, left_, top_, bottom_;
  double x0_, y0_;
  std::string out_;
};

}  // namespace

Expected<std::string> pulse_svg(const PulseMovie& movie) {
  const std::int64_t words = movie.rows * movie.columns * static_cast<std::int64_t>(movie.frames.size());
  if (words > kMostWords) {
    return invalid_input("--svg", fmt::format("{} cycles of {} elements are too many for an animation", movie.frames.size(), movie.rows * movie.columns),
                         "choose fewer with --cycles A:B or --elements R0:R1,C0:C1, or make a page with --html");
  }
  return Animation(movie).text();
}

}  // namespace systole::report
