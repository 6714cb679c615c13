#include <gtest/gtest.h>

#include <set>
#include <string>

#include "base/expected.h"

namespace systole {
namespace {

Expected<int> half(int x) {
  if (x % 2 != 0) return invalid_input("x", "is odd", "give an even number");
  return x / 2;
}

Expected<int> quarter(int x) {
  SYSTOLE_ASSIGN(const int h, half(x));
  SYSTOLE_TRY(half(h));
  return h / 2;
}

TEST(Expected, PassesValuesAndErrorsOn) {
  EXPECT_EQ(*quarter(8), 2);
  ASSERT_FALSE(quarter(7).ok());
  ASSERT_FALSE(quarter(6).ok());
  EXPECT_EQ(quarter(7).error().text(), "x: is odd (give an even number)");
}

TEST(Error, TextLeavesOutWhatIsEmpty) {
  EXPECT_EQ(not_found("a.npy", "cannot open").text(), "a.npy: cannot open");
  EXPECT_EQ((Error{ErrorCode::kInternal, "", "broken", ""}).text(), "broken");
}

// The command line's contract: 1 the run's check failed, 2 bad input or unsupported, 3 a bug.
TEST(Error, EveryCodeHasANameAndAStatus) {
  const ErrorCode codes[] = {ErrorCode::kInvalidInput, ErrorCode::kUnsupported, ErrorCode::kNotFound, ErrorCode::kCheckFailed, ErrorCode::kInternal};
  const int statuses[] = {2, 2, 2, 1, 3};
  std::set<std::string> names;
  for (std::size_t i = 0; i < std::size(codes); ++i) {
    EXPECT_EQ(exit_status(codes[i]), statuses[i]);
    names.insert(error_code_name(codes[i]));
  }
  EXPECT_EQ(names.size(), std::size(codes));
}

}  // namespace
}  // namespace systole
