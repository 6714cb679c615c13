#include "tensor/npy.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "base/random.h"

namespace systole {
namespace {

std::vector<std::uint8_t> npy_bytes(const std::string& header, const std::vector<std::uint8_t>& data, int version = 1) {
  std::vector<std::uint8_t> bytes = {0x93, 'N', 'U', 'M', 'P', 'Y', static_cast<std::uint8_t>(version), 0};
  bytes.push_back(static_cast<std::uint8_t>(header.size()));
  bytes.push_back(0);
  if (version > 1) bytes.insert(bytes.end(), {0, 0});
  bytes.insert(bytes.end(), header.begin(), header.end());
  bytes.insert(bytes.end(), data.begin(), data.end());
  return bytes;
}

std::string temporary(const std::string& name) {
  return (std::filesystem::temp_directory_path() / ("systole_" + name)).string();
}

TEST(Npy, ReadsWhatNumpyWrites) {
  // np.save of np.array([[1, 2, 3], [4, 5, 6]], dtype='<i2')
  const auto bytes =
      npy_bytes("{'descr': '<i2', 'fortran_order': False, 'shape': (2, 3), }\n", {1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0});
  const auto t = parse_npy(bytes, "x.npy");
  ASSERT_TRUE(t.ok()) << t.error().text();
  EXPECT_TRUE(t->same_bits(Tensor::of<std::int16_t>(DType::kI16, {2, 3}, {1, 2, 3, 4, 5, 6})));
}

TEST(Npy, ReadsFortranOrder) {
  const auto bytes = npy_bytes("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }\n", {1, 4, 2, 5, 3, 6});
  const auto t = parse_npy(bytes, "x.npy");
  ASSERT_TRUE(t.ok());
  EXPECT_TRUE(t->same_bits(Tensor::of<std::uint8_t>(DType::kU8, {2, 3}, {1, 2, 3, 4, 5, 6})));
}

TEST(Npy, ReadsVersions2And3AndScalars) {
  for (const int version : {1, 2, 3}) {
    const auto t =
        parse_npy(npy_bytes("{'shape': (), 'fortran_order': False, 'descr': '<f4'}", {0, 0, 0x80, 0x3F}, version), "x");
    ASSERT_TRUE(t.ok()) << t.error().text();
    EXPECT_TRUE(t->same_bits(Tensor::scalar_f32(1.0f)));
  }
}

TEST(Npy, HeaderIsAlignedAndNamesTheType) {
  const auto bytes = format_npy(Tensor::of<float>(DType::kF32, {2}, {1, 2}));
  EXPECT_EQ(bytes.size(), 64u + 64u + 8u);
  const std::string text(bytes.begin() + 10, bytes.end());
  EXPECT_NE(text.find("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }"), std::string::npos) << text;
}

TEST(Npy, EveryTypeRoundTrips) {
  for (const DType type : {DType::kPred, DType::kI8, DType::kI16, DType::kI32, DType::kI64, DType::kU8, DType::kU16,
                           DType::kU32, DType::kU64, DType::kF16, DType::kF32, DType::kF64}) {
    Random random(17);
    for (const Shape& shape : {Shape{}, Shape{3}, Shape{0}, Shape{2, 3, 4}}) {
      Tensor t(type, shape);
      for (std::int64_t i = 0; i < t.bytes(); ++i)
        t.mutable_raw()[i] = static_cast<std::uint8_t>(random.bits() & (type == DType::kPred ? 1 : 255));
      const auto back = parse_npy(format_npy(t), "x");
      ASSERT_TRUE(back.ok()) << back.error().text();
      EXPECT_TRUE(back->same_bits(t)) << dtype_name(type);
    }
  }
}

TEST(Npy, FormatsThatNumpyLacksAreWidened) {
  const Tensor x = Tensor::of<float>(DType::kF32, {2}, {1.5f, -2.0f});
  for (const DType type : {DType::kBF16, DType::kF8E4M3, DType::kF8E5M2, DType::kTF32, DType::kQ8_8, DType::kQ4_12}) {
    EXPECT_TRUE(parse_npy(format_npy(x.converted(type)), "x")->same_bits(x)) << dtype_name(type);
  }
  const Tensor nibbles = Tensor::of<std::int8_t>(DType::kI4, {2}, {-8, 7});
  EXPECT_TRUE(parse_npy(format_npy(nibbles), "x")->same_bits(Tensor::of<std::int8_t>(DType::kI8, {2}, {-8, 7})));
}

struct BadNpy {
  std::string header;
  std::string message;
};
class NpyBadHeader : public testing::TestWithParam<BadNpy> {};

TEST_P(NpyBadHeader, IsAnErrorThatSaysWhy) {
  const auto t = parse_npy(npy_bytes(GetParam().header, {0, 0, 0, 0}), "bad.npy");
  ASSERT_FALSE(t.ok());
  EXPECT_EQ(t.error().place, "bad.npy");
  EXPECT_NE(t.error().message.find(GetParam().message), std::string::npos) << t.error().text();
}

INSTANTIATE_TEST_SUITE_P(
    All, NpyBadHeader,
    testing::Values(BadNpy{"", "'{'"}, BadNpy{"{'descr': '<f4'", "quoted"}, BadNpy{"{'descr' '<f4'}", "':'"},
                    BadNpy{"{'descr': '<f4}", "unterminated"},
                    BadNpy{"{'descr': '<f4', 'fortran_order': Maybe}", "True or False"},
                    BadNpy{"{'descr': '<f4', 'shape': (1,)}", "lacks"},
                    BadNpy{"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 1}", "unknown key"},
                    BadNpy{"{'descr': '>f4', 'fortran_order': False, 'shape': (1,)}", "big-endian"},
                    BadNpy{"{'descr': '<c8', 'fortran_order': False, 'shape': (1,)}", "element type"},
                    BadNpy{"{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", "8 needed"},
                    BadNpy{"{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", "negative"},
                    BadNpy{"{'descr': '<f4', 'fortran_order': False, 'shape': (1", "unterminated"},
                    BadNpy{"{'descr': '<f4', 'fortran_order': False, 'shape': (a,)}", "integers"},
                    BadNpy{"{'descr': '<f4', 'fortran_order': False, 'shape': 4}", "tuple"},
                    BadNpy{"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", "integers"},
                    BadNpy{"{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4)}", "too many"}));

TEST(Npy, EveryTruncationAndFlipIsHandled) {
  const auto good = format_npy(Tensor::of<float>(DType::kF32, {2}, {1, 2}));
  for (std::size_t n = 0; n < good.size(); ++n) EXPECT_FALSE(parse_npy(std::span(good).first(n), "cut").ok());
  for (std::size_t i = 0; i < 128; ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      auto flipped = good;
      flipped[i] = static_cast<std::uint8_t>(flipped[i] ^ (1 << bit));
      (void)parse_npy(flipped, "flipped").ok();
    }
  }
}

TEST(Npz, RoundTrips) {
  const std::string path = temporary("roundtrip.npz");
  const std::map<std::string, Tensor> arrays = {{"a", Tensor::scalar_f32(3)},
                                                {"b/c", Tensor::of<std::int8_t>(DType::kI8, {3}, {1, 2, 3})}};
  ASSERT_TRUE(write_npz(path, arrays).ok());
  const auto back = read_npz(path);
  ASSERT_TRUE(back.ok()) << back.error().text();
  ASSERT_EQ(back->size(), 2u);
  EXPECT_TRUE(back->at("a").same_bits(arrays.at("a")));
  EXPECT_TRUE(back->at("b/c").same_bits(arrays.at("b/c")));
  std::filesystem::remove(path);
}

// numpy.savez_compressed('z.npz', x=numpy.zeros((2, 2), '<f4')), made by Python's zlib.
TEST(Npz, ReadsDeflated) {
  const std::string path = temporary("deflated.npz");
  const std::vector<std::uint8_t> bytes = {
#include "deflated_npz.inc"
  };
  ASSERT_TRUE(write_file(path, bytes).ok());
  const auto t = read_npz(path);
  ASSERT_TRUE(t.ok()) << t.error().text();
  EXPECT_TRUE(t->at("x").same_bits(Tensor(DType::kF32, {2, 2})));
  std::filesystem::remove(path);
}

TEST(Npz, EveryTruncationAndFlipIsHandled) {
  const std::string path = temporary("hostile.npz");
  ASSERT_TRUE(write_npz(path, {{"a", Tensor::scalar_f32(3)}}).ok());
  const auto good = *read_file(path);
  for (std::size_t n = 0; n < good.size(); n += 3) {
    ASSERT_TRUE(write_file(path, std::span(good).first(n)).ok());
    EXPECT_FALSE(read_npz(path).ok());
  }
  int broken = 0;
  for (std::size_t i = 0; i < good.size(); ++i) {
    auto flipped = good;
    flipped[i] = static_cast<std::uint8_t>(flipped[i] ^ 0x81);
    ASSERT_TRUE(write_file(path, flipped).ok());
    broken += !read_npz(path).ok();
  }
  EXPECT_GT(broken, 100);  // at least the array's bytes, which the checksum guards
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace systole
