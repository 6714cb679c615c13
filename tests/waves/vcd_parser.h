// A reader of value change dumps (IEEE 1364-2005 section 18) for tests: strict, independent of the writer.
#pragma once

#include <cstdint>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace systole::test {

struct ParsedVcd {
  struct Variable {
    std::string type, name, code;      // name: "top.core.pc"
    int width = 1;
  };
  std::string error, timescale, comment;
  std::vector<Variable> variables;
  std::map<std::string, std::size_t> index;                               // name -> position in `changes`
  std::vector<std::vector<std::pair<std::int64_t, std::string>>> changes;   // by identifier code: time and bits
  std::vector<std::int64_t> times;
  std::size_t repeated = 0;                                                 // changes to the same value

  // The variable whose path ends so.
  const Variable* find(const std::string& ending) const {
    for (const Variable& variable : variables) {
      if (variable.name.ends_with(ending)) return &variable;
    }
    return nullptr;
  }
  bool has(const std::string& name) const { return index.contains(name); }
  std::string bits(const std::string& name, std::int64_t time) const {
    const auto at = index.find(name);
    if (at == index.end()) return "no such variable";
    std::string value = "no value";
    for (const auto& [when, text] : changes[at->second]) {
      if (when > time) break;
      value = text;
    }
    return value;
  }
  // The value in binary; all ones if it has none.
  std::uint64_t at(const std::string& name, std::int64_t time) const {
    std::uint64_t value = 0;
    for (const char bit : bits(name, time)) {
      if (bit != '0' && bit != '1') return ~std::uint64_t{0};
      value = value << 1 | static_cast<std::uint64_t>(bit - '0');
    }
    return value;
  }
};

inline ParsedVcd parse_vcd(const std::string& text) {
  ParsedVcd out;
  std::istringstream in(text);
  std::map<std::string, std::pair<std::size_t, int>> codes;      // -> position, width
  std::vector<std::string> scopes;
  std::string word;
  const auto until_end = [&] {
    std::string body, part;
    while (in >> part && part != "$end") body += (body.empty() ? "" : " ") + part;
    return body;
  };
  const auto fail = [&](const std::string& message) {
    if (out.error.empty()) out.error = message;
  };
  bool defined = false;
  std::int64_t now = -1;
  const auto change = [&](const std::string& code, std::string bits) {
    const auto at = codes.find(code);
    if (at == codes.end()) return fail("no variable with code " + code);
    const auto [position, width] = at->second;
    if (bits.empty() || static_cast<int>(bits.size()) > width) return fail("too many bits for " + code);
    bits = std::string(static_cast<std::size_t>(width) - bits.size(), bits[0] == '1' ? '0' : bits[0]) + bits;
    auto& list = out.changes[position];
    if (!list.empty() && list.back().second == bits) ++out.repeated;
    list.emplace_back(now, bits);
  };
  while (in >> word) {
    if (word == "$timescale") {
      for (const char c : until_end()) if (c != ' ') out.timescale += c;
    } else if (word == "$scope") {
      const std::string body = until_end();
      if (body.rfind("module ", 0) != 0) fail("scope " + body);
      scopes.push_back(body.substr(7));
    } else if (word == "$upscope") {
      if (!until_end().empty() || scopes.empty()) fail("upscope");
      else scopes.pop_back();
    } else if (word == "$var") {
      std::string type, code, name;
      int width = 0;
      in >> type >> width >> code >> name;
      if (width < 1) fail("variable " + name);
      until_end();                                       // an index like [7:0]
      std::string path;
      for (const std::string& scope : scopes) path += scope + ".";
      if (!codes.contains(code)) {
        codes[code] = {out.changes.size(), width};
        out.changes.emplace_back();
      }
      if (!out.index.emplace(path + name, codes[code].first).second) fail("twice: " + path + name);
      out.variables.push_back({type, path + name, code, width});
    } else if (word == "$enddefinitions") {
      until_end();
      defined = true;
      if (!scopes.empty()) fail("open scope");
    } else if (word == "$comment") {
      out.comment += until_end();
    } else if (word == "$dumpvars" || word == "$dumpon" || word == "$dumpoff" || word == "$dumpall" || word == "$end") {
      if (!defined) fail(word + " before the definitions' end");
    } else if (word[0] == '$') {
      until_end();
    } else if (!defined) {
      fail("value before the definitions' end");
    } else if (word[0] == '#') {
      const std::int64_t time = std::stoll(word.substr(1));
      if (time < now) fail("time runs backwards");
      now = time;
      out.times.push_back(now);
    } else if (word[0] == 'b' || word[0] == 'B') {
      std::string code;
      in >> code;
      change(code, word.substr(1));
    } else if (word.find_first_of("01xXzZ") == 0) {
      change(word.substr(1), word.substr(0, 1));
    } else {
      fail("what is " + word);
    }
  }
  return out;
}

}  // namespace systole::test
