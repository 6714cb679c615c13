// Tests about the tests and the pages: whatever a table of the source names is tested and documented under that name.
// Beside their subjects stand: docs/graph.md (tests/graph/graph_test.cpp), docs/isa.md (tests/isa/encode_test.cpp) and
// the functions of docs/numerics.md (tests/numeric/functions_test.cpp).
#include <gtest/gtest.h>

#include <filesystem>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "base/file.h"
#include "chip/chip.h"
#include "graph/graph.h"
#include "isa/table.h"
#include "transform/lower.h"

namespace systole {
namespace {

namespace fs = std::filesystem;

std::string source_text(const std::string& path) {
  const auto text = read_text_file(std::string(SYSTOLE_SOURCE_DIR) + "/" + path);
  if (!text.ok()) ADD_FAILURE() << text.error().text();
  return text.ok() ? *text : std::string();
}

// The C++ files of a folder and its subfolders, joined, without their // comments.
std::string code_below(const std::string& folder, const std::string& except = {}) {
  static const std::regex comment("//[^\n]*");
  std::string code;
  for (const auto& entry : fs::recursive_directory_iterator(std::string(SYSTOLE_SOURCE_DIR) + "/" + folder)) {
    const std::string path = fs::relative(entry.path(), SYSTOLE_SOURCE_DIR).generic_string();
    const bool cpp = entry.path().extension() == ".cpp" || entry.path().extension() == ".h";
    if (cpp && (except.empty() || path.rfind(except, 0) != 0)) code += std::regex_replace(source_text(path), comment, "");
  }
  return code;
}

std::set<std::string> words_of(const std::string& text) {
  static const std::regex word("[A-Za-z_][A-Za-z0-9_]*");
  std::set<std::string> words;
  for (std::sregex_iterator it(text.begin(), text.end(), word), end; it != end; ++it) words.insert(it->str());
  return words;
}

// The enumerators of `enum class NAME` in a header, in order.
std::vector<std::string> enumerators(const std::string& header, const std::string& name) {
  static const std::regex comment("//[^\n]*"), word("k[A-Z][A-Za-z0-9]*");
  const std::string text = std::regex_replace(source_text(header), comment, "");
  const std::size_t begin = text.find("enum class " + name + " ");
  EXPECT_NE(begin, std::string::npos) << name;
  if (begin == std::string::npos) return {};
  const std::string body = text.substr(begin, text.find('}', begin) - begin);
  std::vector<std::string> names;
  for (std::sregex_iterator it(body.begin(), body.end(), word), end; it != end; ++it) names.push_back(it->str());
  return names;
}

// The names in backticks, or bare, in the first column of a page's tables.
std::set<std::string> first_cells(const std::string& page) {
  static const std::regex row("^\\|([^|]*)\\|"), name("[A-Za-z0-9][A-Za-z0-9._-]*");
  const std::string text = source_text(page);
  std::set<std::string> names;
  for (std::size_t from = 0; from < text.size();) {
    std::smatch match;
    const std::size_t end = text.find('\n', from);
    const std::string line = text.substr(from, end - from);
    if (std::regex_search(line, match, row)) {
      const std::string cell = match[1];
      for (std::sregex_iterator it(cell.begin(), cell.end(), name), last; it != last; ++it) names.insert(it->str());
    }
    from = end == std::string::npos ? text.size() : end + 1;
  }
  return names;
}

TEST(Meta, EveryOperatorIsTested) {
  const auto kinds = enumerators("src/graph/graph.h", "OpKind");
  ASSERT_EQ(kinds.size(), static_cast<std::size_t>(graph::OpKind::kCount) + 1);
  const auto words = words_of(code_below("tests/graph"));
  for (const std::string& kind : kinds) EXPECT_TRUE(words.contains(kind)) << kind << " is in no test of tests/graph";
}

// As a line of assembly: "mxu0: matmul length=4".
TEST(Meta, EveryInstructionIsTested) {
  const std::string code = code_below("tests/isa");
  for (const isa::OpcodeInfo& row : isa::instruction_table()) {
    const std::regex used("[a-z0-9]: " + std::string(row.name) + "\\b");
    EXPECT_TRUE(std::regex_search(code, used)) << row.name << " is in no test of tests/isa";
  }
}

TEST(Meta, EveryErrorCodeIsTested) {
  const auto codes = enumerators("src/base/expected.h", "ErrorCode");
  ASSERT_EQ(codes.size(), 5u);
  // Outside tests/base, which lists them all. kInternal means a bug: tests name it to say that it does not arise.
  const auto words = words_of(code_below("tests", "tests/base"));
  for (const std::string& code : codes) EXPECT_TRUE(words.contains(code)) << code << " is in no test";
}

TEST(Meta, EveryPassIsDocumented) {
  const auto documented = first_cells("docs/passes.md");
  for (const auto& pass : transform::lowering_passes()) {
    EXPECT_TRUE(documented.contains(pass.name)) << pass.name << " is not in docs/passes.md";
  }
}

TEST(Meta, EveryChipIsDocumented) {
  const auto documented = first_cells("docs/chips.md");
  for (const std::string& name : catalogue()) {
    EXPECT_TRUE(documented.contains(name)) << name << " is not in docs/chips.md";
  }
}

}  // namespace
}  // namespace systole
