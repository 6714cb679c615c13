// Large initialisers are found in the file and left there; everything else is what protobuf reads.
#include "frontend/initializers.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "base/file.h"
#include "frontend/onnx.h"
#include "graph/interpreter.h"
#include "model_builder.h"

namespace systole {
namespace {

using test::ModelBuilder;

constexpr std::int64_t kLarge = 3000;   // fp32: 12,000 bytes

// x + w0 + w1 + ...; weights of the given sizes, names of growing length, so that raw data stands at every alignment.
ModelBuilder sum_of(const std::vector<std::int64_t>& sizes) {
  ModelBuilder m(13);
  m.input("x", {kLarge}).output("y");
  std::string sum = "x";
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const std::string name = "w" + std::string(i, '_');
    std::string bytes(static_cast<std::size_t>(sizes[i]) * 4, '\0');
    for (std::int64_t j = 0; j < sizes[i]; ++j) {
      const float value = static_cast<float>(j + 10 * static_cast<std::int64_t>(i));
      std::memcpy(bytes.data() + 4 * j, &value, 4);
    }
    m.weight(name, {sizes[i]}, 1).set_raw_data(bytes);
    const std::string next = i + 1 == sizes.size() ? "y" : "s" + std::to_string(i);
    m.node("Add", {sum, name}, {next});
    sum = next;
  }
  return m;
}

std::span<const std::uint8_t> span_of(const std::string& bytes) {
  return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
}

TEST(Initializers, LargeRawDataIsLeftInTheFile) {
  ModelBuilder m = sum_of({kLarge, 1, kLarge, kLarge});
  m.model.mutable_graph()->mutable_initializer(3)->clear_raw_data();   // in a typed field: not raw data
  for (std::int64_t i = 0; i < kLarge; ++i) m.model.mutable_graph()->mutable_initializer(3)->add_float_data(1);
  const std::string bytes = m.bytes();
  const auto split = frontend::split_initializers(span_of(bytes));
  onnx::ModelProto rest = m.model;
  for (const int i : {0, 2}) {
    ASSERT_TRUE(split.raw.contains(i));
    const auto raw = split.raw.at(i);
    EXPECT_EQ(std::string(raw.begin(), raw.end()), m.model.graph().initializer(i).raw_data());
    EXPECT_GE(reinterpret_cast<const char*>(raw.data()), bytes.data());
    rest.mutable_graph()->mutable_initializer(i)->clear_raw_data();
  }
  EXPECT_EQ(split.raw.size(), 2u);
  onnx::ModelProto parsed;
  ASSERT_TRUE(parsed.ParseFromArray(split.model.data(), static_cast<int>(split.model.size())));
  EXPECT_EQ(parsed.SerializeAsString(), rest.SerializeAsString());
}

TEST(Initializers, WhatIsNotWellFormedComesBackWhole) {
  const std::string bytes = sum_of({kLarge, kLarge}).bytes();
  for (std::size_t length = 0; length < bytes.size(); length += 7) {
    const auto cut = span_of(bytes).first(length);
    const auto split = frontend::split_initializers(cut);
    if (!split.raw.empty()) continue;   // cut between two fields
    onnx::ModelProto of_cut, of_split;
    const bool good = of_cut.ParseFromArray(cut.data(), static_cast<int>(cut.size()));
    EXPECT_EQ(of_split.ParseFromArray(split.model.data(), static_cast<int>(split.model.size())), good) << length;
  }
}

TEST(Initializers, ValuesFromAFileAreThoseFromMemory) {
  const ModelBuilder m = sum_of({kLarge, kLarge, kLarge, kLarge, kLarge});
  const std::string path = (std::filesystem::temp_directory_path() / ("systole-initializers-" + std::to_string(::getpid()) + ".onnx")).string();
  ASSERT_TRUE(write_file(path, m.bytes()).ok());
  const auto from_file = import_onnx(path, {});
  std::filesystem::remove(path);
  ASSERT_TRUE(from_file.ok()) << from_file.error().text();
  const auto y = graph::interpret_double(from_file->graph, {Tensor(DType::kF32, {kLarge})});
  ASSERT_TRUE(y.ok()) << y.error().text();
  for (std::int64_t i = 0; i < kLarge; ++i) ASSERT_EQ(y->front().converted(DType::kF32).data<float>()[i], static_cast<float>(5 * i + 100));
  const std::string bytes = m.bytes();
  EXPECT_EQ(import_onnx_bytes(span_of(bytes), "memory", "", {})->hash, from_file->hash);
}

}  // namespace
}  // namespace systole
