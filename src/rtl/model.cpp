#include "rtl/model.h"

#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "base/file.h"
#include "isa/table.h"
#include "rtl/generate.h"

namespace systole::rtl {
namespace {

namespace fs = std::filesystem;

// The element types in VMEM that the array takes for operands of a format.
bool takes(DType format, std::int64_t type, const Chip& chip) {
  const Families families = families_of(chip);
  const auto memory = static_cast<DType>(type);
  if (is_fixed(format)) return families.fixed && chip.knows(format) && memory == format;
  switch (format) {
    case DType::kI8:
    case DType::kU8: return families.integer && memory == format;
    case DType::kBF16: return families.floating && (memory == format || memory == DType::kF32);
    default: return false;
  }
}

// What the hardware lacks, or "".
std::string missing(const isa::Instruction& word, std::int64_t pad_type, const Chip& chip) {
  const auto* load = word.as<isa::Load>();
  const auto* store = word.as<isa::Store>();
  const auto* gather = word.as<isa::Gather>();
  if ((load && load->far_space != 0) || (store && store->far_space != 0) || (gather && gather->far_space != 0)) return "CMEM is unsupported by the RTL";
  const auto operands = [&](const char* what, std::int64_t format, std::int64_t type) -> std::string {
    if (takes(static_cast<DType>(format), type, chip)) return {};
    return fmt::format("{} of {} as {} are unsupported by the RTL", what, dtype_name(static_cast<DType>(type)), dtype_name(static_cast<DType>(format)));
  };
  if (const auto* bind = word.as<isa::Bind>(); bind && static_cast<DType>(bind->type) == DType::kF64) return "a stream of f64 is unsupported by the RTL";
  for (const DType type : isa::types_of(word)) {
    if (!chip.knows(type)) return fmt::format("{} is unsupported by the chip, whose fixed-point format is {}", dtype_name(type), dtype_name(chip.fixed_format()));
  }
  if (const auto* push = word.as<isa::Push>()) {
    if (push->part != 0) return "parts of fp32 are unsupported by the RTL";
    return operands("weights", push->format, push->type);
  }
  if (const auto* matmul = word.as<isa::Matmul>()) {
    if (matmul->part != 0) return "parts of fp32 are unsupported by the RTL";
    return operands("activations", matmul->format, pad_type);
  }
  return {};
}

constexpr int kNotHalted = 3;   // testbench.cpp's exit status

std::string last_lines(const std::string& path) {
  const auto text = read_text_file(path);
  if (!text.ok()) return "no output";
  return text->size() > 600 ? text->substr(text->size() - 600) : *text;
}

void append(std::vector<std::uint8_t>& bytes, std::uint64_t value) {
  for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

Status put(std::vector<std::uint8_t>& memory, std::int64_t address, const Tensor& tensor, const std::string& place) {
  if (address < 0 || address + tensor.bytes() > static_cast<std::int64_t>(memory.size())) return invalid_input(place, "stands outside the memory");
  if (tensor.bytes() > 0) std::memcpy(memory.data() + address, tensor.raw(), static_cast<std::size_t>(tensor.bytes()));
  return ok_status();
}

Expected<std::vector<std::uint8_t>> initial_memory(const isa::Program& program, const std::vector<Tensor>& inputs) {
  std::vector<std::uint8_t> memory(static_cast<std::size_t>(program.hbm_bytes));
  for (const isa::Image& image : program.images) SYSTOLE_TRY(put(memory, image.address, image.bytes, "image"));
  if (inputs.size() != program.inputs.size()) return invalid_input("inputs", fmt::format("{} given, {} wanted", inputs.size(), program.inputs.size()));
  for (std::size_t i = 0; i < inputs.size(); ++i) SYSTOLE_TRY(put(memory, program.inputs[i].address, inputs[i], "input " + program.inputs[i].name));
  return memory;
}

// What testbench.cpp reads.
std::vector<std::uint8_t> testbench_input(const isa::Program& program, const Chip& chip, const std::vector<std::uint8_t>& memory, std::uint64_t awkward_seed,
                                          std::int64_t most_cycles) {
  const auto& code = program.cores[0].code;
  const bool halts = !code.empty() && code.back().as<isa::Halt>();
  std::vector<std::uint8_t> bytes;
  for (const std::int64_t number : {static_cast<std::int64_t>(code.size()) + (halts ? 0 : 1), program.hbm_bytes, chip.hbm.bandwidth.bytes,
                                    chip.hbm.bandwidth.cycles, chip.hbm.burst_bytes, chip.hbm.latency_cycles, chip.dma_engines, static_cast<std::int64_t>(awkward_seed),
                                    most_cycles, static_cast<std::int64_t>(program.microcode.size()), chip.mxu.rows, chip.mxu.columns,
                                    data_bits(chip)}) {
    append(bytes, static_cast<std::uint64_t>(number));
  }
  for (const isa::Instruction& word : code) {
    for (const std::uint64_t part : isa::encode(word)) append(bytes, part);
  }
  if (!halts) {
    for (const std::uint64_t part : isa::encode(isa::Instruction{isa::Halt{}})) append(bytes, part);
  }
  for (const MicroOp& op : program.microcode) append(bytes, encode_micro(op));
  bytes.insert(bytes.end(), memory.begin(), memory.end());
  return bytes;
}

Expected<fs::path> scratch_folder() {
  std::string pattern = (fs::temp_directory_path() / "systole-rtl-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) return invalid_input(pattern, "cannot make a temporary folder");
  return fs::path(pattern);
}

}  // namespace

Status check_program(const isa::Program& program, const Chip& chip) {
  SYSTOLE_TRY(check_chip(chip));
  if (program.cores.size() != 1) return unsupported("program", "the RTL has one core");
  const auto& code = program.cores[0].code;
  if (static_cast<std::int64_t>(code.size()) >= kProgramWords) {
    return unsupported("program", fmt::format("{} words do not fit in the RTL's {} words of instruction memory", code.size(), kProgramWords));
  }
  if (static_cast<std::int64_t>(program.microcode.size()) > kMicroWords) {
    return unsupported("program", fmt::format("{} micro-operations do not fit in the RTL's {}", program.microcode.size(), kMicroWords));
  }
  std::int64_t pad_type = 0;
  isa::Fetcher fetcher(program.cores[0]);
  for (isa::Fetcher::Step step; fetcher.next(step);) {
    if (const auto* pad = step.instruction.as<isa::Pad>()) pad_type = pad->type;
    const std::string problem = missing(step.instruction, pad_type, chip);
    if (!problem.empty()) return unsupported(fmt::format("instruction {} ({})", step.index, isa::info_of(step.instruction).name), problem, "use --engine event");
  }
  return ok_status();
}

Expected<RtlModel> RtlModel::build(const Chip& chip, const std::string& cache, bool traced) {
  SYSTOLE_TRY(check_chip(chip));
  SYSTOLE_ASSIGN(std::string program, verilate(chip.name, hardware_texts(chip), "systole", cache, traced));
  return RtlModel(chip, std::move(program));
}

Expected<RtlResult> RtlModel::run(const isa::Program& program, const std::vector<Tensor>& inputs, const RtlTrace* trace) const {
  return run(program, inputs, {.trace = trace});
}

Expected<RtlResult> RtlModel::run_hashed(const isa::Program& program, const std::vector<Tensor>& inputs, std::int64_t most_cycles) const {
  return run(program, inputs, {.hashed = true, .most_cycles = most_cycles});
}

Expected<RtlResult> RtlModel::run_awkward(const isa::Program& program, const std::vector<Tensor>& inputs, std::uint64_t seed, std::int64_t most_cycles) const {
  return run(program, inputs, {.awkward_seed = std::max<std::uint64_t>(seed, 1), .most_cycles = most_cycles});
}

Expected<RtlResult> RtlModel::run(const isa::Program& program, const std::vector<Tensor>& inputs, const Manner& manner) const {
  SYSTOLE_TRY(check_program(program, chip_));
  SYSTOLE_ASSIGN(const std::vector<std::uint8_t> memory, initial_memory(program, inputs));
  SYSTOLE_ASSIGN(const fs::path scratch, scratch_folder());
  const std::string input = (scratch / "input").string(), output = (scratch / "output").string();
  SYSTOLE_TRY(write_file(input, testbench_input(program, chip_, memory, manner.awkward_seed, manner.most_cycles)));
  std::string command = fmt::format("'{}' '{}' '{}'", executable_, input, output);
  const std::string waves = (scratch / "waves").string();
  if (manner.trace != nullptr) {
    command += manner.trace->arguments(waves);
  }
  const std::string hashes = (scratch / "hashes").string();
  if (manner.hashed) command += fmt::format(" '{}'", hashes);
  const std::string complaint = (scratch / "complaint").string();
  const int status = std::system((command + fmt::format(" 2> '{}'", complaint)).c_str());
  const std::string reason = status == 0 ? "" : last_lines(complaint);
  auto bytes = read_file(output);
  std::error_code failure;
  Status traced = ok_status();
  if (manner.trace != nullptr && status == 0) {
    const auto fst = read_file(waves);
    traced = fst.ok() ? write_file(manner.trace->file, *fst) : Status(fst.error());
  }
  std::vector<std::uint8_t> hash_bytes;
  if (manner.hashed && status == 0) {
    SYSTOLE_ASSIGN(hash_bytes, read_file(hashes));
  }
  fs::remove_all(scratch, failure);
  if (!traced.ok()) return traced.error();
  if (WIFEXITED(status) && WEXITSTATUS(status) == kNotHalted && manner.most_cycles != kEndless) return RtlResult{.halted = false};
  if (status != 0 || !bytes.ok() || bytes->size() != 8 + memory.size()) {
    return Error{ErrorCode::kInternal, executable_, fmt::format("the RTL's testbench failed with status {}: {}", status, reason), {}};
  }
  RtlResult result;
  std::memcpy(&result.cycles, bytes->data(), 8);
  result.hashes.resize(hash_bytes.size() / 8);
  if (!result.hashes.empty()) std::memcpy(result.hashes.data(), hash_bytes.data(), result.hashes.size() * 8);
  result.hbm.assign(bytes->begin() + 8, bytes->end());
  for (const isa::Binding& binding : program.outputs) {
    Tensor tensor(binding.type, binding.shape);
    if (tensor.bytes() > 0) std::memcpy(tensor.mutable_raw(), result.hbm.data() + binding.address, static_cast<std::size_t>(tensor.bytes()));
    result.outputs.push_back(std::move(tensor));
  }
  return result;
}

}  // namespace systole::rtl
