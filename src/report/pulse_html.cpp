// The page: the recording as changes per word, and a script that draws it.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "report/pulse.h"

namespace systole::report {
namespace {

using Json = nlohmann::ordered_json;

std::string format_name(WaveFormat format) {
  if (const int fraction = fraction_of(format); fraction > 0) return fmt::format("fixed{}", fraction);
  switch (format) {
    case WaveFormat::kBit: return "bit";
    case WaveFormat::kSigned: return "signed";
    case WaveFormat::kFloat32: return "float32";
    case WaveFormat::kText: return "text";
    case WaveFormat::kHex: return "hex";
    default: break;
  }
  return "unsigned";
}

// [frame, value, frame, value, ...]: where a value begins.
template <typename Value>
Json changes(std::size_t frames, const Value& value) {
  Json list = Json::array();
  for (std::size_t i = 0; i < frames; ++i) {
    if (i > 0 && value(i) == value(i - 1)) continue;
    list.push_back(i);
    list.push_back(value(i));
  }
  return list;
}

Json elements_json(const PulseMovie& movie) {
  Json elements = Json::array();
  for (std::size_t e = 0; e < static_cast<std::size_t>(movie.rows * movie.columns); ++e) {
    const auto track = [&](auto member) {
      return changes(movie.frames.size(), [&](std::size_t i) { return static_cast<std::uint32_t>(movie.frames[i][e].*member); });
    };
    elements.push_back({{"active", track(&PulseElement::active)},
                        {"shadow", track(&PulseElement::shadow)},
                        {"value", track(&PulseElement::value)},
                        {"sum", track(&PulseElement::sum)},
                        {"valid", track(&PulseElement::valid)},
                        {"switching", track(&PulseElement::switching)},
                        {"train", track(&PulseElement::train)}});
  }
  return elements;
}

Json panels_json(const PulseMovie& movie) {
  Json panels = Json::array();
  for (const PulsePanel& panel : movie.panels) {
    if (panel.tracks.empty()) continue;
    Json tracks = Json::array();
    for (const PulseTrack& track : panel.tracks) {
      // Decoded here: a reader of 64-bit words is not what a page's numbers are made for.
      tracks.push_back({{"name", track.name},
                        {"format", format_name(track.format)},
                        {"width", track.width},
                        {"text", changes(track.values.size(), [&](std::size_t i) { return decode_word(track.values[i], track.format, track.width); })}});
    }
    panels.push_back({{"title", panel.title}, {"columns", panel.columns}, {"tracks", std::move(tracks)}});
  }
  return panels;
}

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '<') out += "&lt;";
    else if (c == '&') out += "&amp;";
    else if (c == '"') out += "&quot;";
    else out += c;
  }
  return out;
}

}  // namespace

std::string pulse_html(const PulseMovie& movie) {
  const Json data = {{"title", movie.title},         {"chip", movie.chip},           {"firstCycle", movie.first_cycle},         {"frames", movie.frames.size()},
                     {"rows", movie.rows},           {"columns", movie.columns},     {"firstRow", movie.first_row},             {"firstColumn", movie.first_column},
                     {"operand", format_name(movie.operand)}, {"sum", format_name(movie.sum)}, {"captions", movie.captions}, {"elements", elements_json(movie)},
                     {"panels", panels_json(movie)}};
  std::string json = data.dump(-1, ' ', true, Json::error_handler_t::replace);
  for (std::size_t at = json.find('<'); at != std::string::npos; at = json.find('<', at)) json.replace(at, 1, "\\u003c");   // no </script> inside
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>{0}</title>\n<style>\n{1}</style>\n</head>\n<body>\n"
      "<header><div><h1>{0}</h1><p class=\"chip\">{2}</p></div>"
      "<output id=\"cycle\" aria-live=\"off\"></output></header>\n"
      "<p id=\"caption\" aria-live=\"polite\"></p>\n"
      "<nav><button id=\"first\" title=\"first cycle (Home)\">|&#x25C0;</button><button id=\"back\" title=\"one cycle back (left arrow)\">&#x25C0;</button>"
      "<button id=\"play\" title=\"play or pause (space)\">Play</button>"
      "<button id=\"forward\" title=\"one cycle forward (right arrow)\">&#x25B6;</button><button id=\"last\" title=\"last cycle (End)\">&#x25B6;|</button>"
      "<input id=\"slider\" type=\"range\" min=\"0\" value=\"0\" aria-label=\"cycle\">"
      "<label>speed <select id=\"speed\"><option value=\"2000\">slow</option><option value=\"1000\" selected>normal</option><option value=\"400\">fast</option></select></label></nav>\n"
      "<main><figure><svg id=\"array\" role=\"img\" aria-label=\"the array\"></svg></figure><aside id=\"panels\"></aside></main>\n"
      "<footer id=\"legend\"></footer>\n<div id=\"tip\" hidden></div>\n"
      "<script id=\"data\" type=\"application/json\">{3}</script>\n<script>\n{4}</script>\n</body>\n</html>\n",
      escaped(movie.title), kPulseStyle, escaped(movie.chip), json, kPulseScript);
}

}  // namespace systole::report
