#include "base/file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

namespace systole {
namespace {

namespace fs = std::filesystem;

class File : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string test = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    folder_ = fs::path(::testing::TempDir()) / (test + "." + std::to_string(::getpid()));   // build trees may test at once
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::size_t files() const { return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_), fs::directory_iterator())); }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  fs::path folder_;
};

TEST_F(File, WritesAndReadsBack) {
  ASSERT_TRUE(write_file(path("a"), std::string("hello")).ok());
  EXPECT_EQ(*read_text_file(path("a")), "hello");
  ASSERT_TRUE(write_file(path("a"), std::string()).ok());   // over what is there
  EXPECT_EQ(read_file(path("a"))->size(), 0u);
  EXPECT_EQ(files(), 1u);
}

TEST_F(File, WhatIsMissingOrAFolderIsAnErrorWithItsName) {
  const auto missing = read_file(path("none"));
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_NE(missing.error().text().find("none"), std::string::npos);
  const auto is_folder = read_file(folder_.string());
  ASSERT_FALSE(is_folder.ok());
  EXPECT_EQ(is_folder.error().code, ErrorCode::kInvalidInput);
}

TEST_F(File, AFailedWriteLeavesNothing) {
  EXPECT_FALSE(write_file(path("no/such/folder/a"), std::string("x")).ok());
  fs::create_directory(folder_ / "taken");
  fs::create_directory(folder_ / "taken" / "inside");
  EXPECT_FALSE(write_file(path("taken"), std::string("x")).ok());   // the target is a folder
  EXPECT_EQ(files(), 1u);
}

// Folders that even root cannot write into: a file in a folder's place, and the kernel's.
TEST_F(File, AnUnwritableFolderIsAnErrorThatNamesTheTarget) {
  ASSERT_TRUE(write_file(path("plain"), std::string("kept")).ok());
  for (const std::string& target : {path("plain/a"), std::string("/proc/a")}) {
    const auto status = write_file(target, std::string("x"));
    ASSERT_FALSE(status.ok()) << target;
    EXPECT_EQ(status.error().code, ErrorCode::kInvalidInput);
    EXPECT_EQ(status.error().place, target);
    EXPECT_FALSE(status.error().hint.empty());
  }
  EXPECT_EQ(*read_text_file(path("plain")), "kept");
  EXPECT_EQ(files(), 1u);
}

}  // namespace
}  // namespace systole
