#include "compile/compiler.h"

#include <fmt/format.h>

#include <algorithm>

#include "compile/codegen.h"
#include "compile/fuse.h"
#include "compile/memory_plan.h"
#include "compile/residency.h"
#include "compile/roll.h"

namespace systole::compile {
namespace {

using FormatName = std::pair<std::string, DType>;

std::vector<FormatName> format_names() {
  std::vector<FormatName> names{{"bf16", DType::kBF16},      {"fp16", DType::kF16},      {"fp32", DType::kF32},
                                {"tf32", DType::kTF32},      {"bf16x3", DType::kF32},    {"int8", DType::kI8},
                                {"uint8", DType::kU8},       {"int16", DType::kI16},     {"int4", DType::kI4},
                                {"fp8e4m3", DType::kF8E4M3}, {"fp8e5m2", DType::kF8E5M2}};
  for (int n = 1; n < kFixedBits; ++n) names.emplace_back(dtype_name(fixed_type(n)), fixed_type(n));
  return names;
}

}  // namespace

Expected<Format> parse_format(const Chip& chip, const std::string& name) {
  static const std::vector<FormatName> names = format_names();
  std::string wanted = name;
  if (wanted.empty())
    for (const auto& [text, type] : names)
      if (type == chip.default_format && text != "bf16x3") wanted = text;
  for (const auto& [text, type] : names) {
    if (text != wanted) continue;
    const bool passes = type == DType::kF32 && chip.multiplies(DType::kBF16);  // fp32 as bf16 passes
    if (!chip.multiplies(type) && !passes)
      return unsupported("--format " + wanted, fmt::format("chip {} does not multiply it", chip.name),
                         "`systole chips " + chip.name + "` lists its formats");
    return Format{type, wanted == "bf16x3", wanted};
  }
  std::string all;
  for (const auto& [text, type] : names)
    if (!is_fixed(type)) all += text + ", ";
  return invalid_input("--format " + name, "is not a number format", "one of " + all + "q1.15 to q15.1 (q8.8)");
}

transform::Target target_of(const Chip& chip, const Options& options) {
  transform::Target target;
  target.format = options.format;
  target.fp32_algorithm = chip.multiplies(DType::kF32) ? graph::Algorithm::kDefault
                          : options.bf16x3             ? graph::Algorithm::kBf16x3
                                                       : graph::Algorithm::kBf16x6;
  target.multiplies_i8 = chip.multiplies(DType::kI8) || chip.multiplies(DType::kU8);
  target.multiplies_i16 = chip.multiplies(DType::kI16);
  target.array_rows = chip.mxu.rows;
  target.array_columns = chip.mxu.columns;
  target.arrays = chip.mxu.count;
  target.vector_lanes = chip.vpu.present ? chip.vpu.lanes : 0;
  target.vector_sublanes = chip.vpu.present ? chip.vpu.sublanes : 0;
  target.fuse = options.fuse;
  return target;
}

graph::ChipArithmetic arithmetic_of(const Chip& chip) {
  return {chip.mxu.rows, std::max<std::int64_t>(1, chip.vpu.lanes)};
}

Expected<graph::Graph> gemm_graph(std::int64_t m, std::int64_t k, std::int64_t n, DType format) {
  for (const auto& [name, size] : {std::pair{"M", m}, {"K", k}, {"N", n}})
    if (size < 1 || size > (std::int64_t{1} << 20))
      return invalid_input(fmt::format("gemm {}", name), fmt::format("{} is not a size", size), "1 to 1048576");
  graph::Graph graph;
  graph.name = "gemm";
  const graph::ValueId a = graph.add_input({format, {m, k}}, "a");
  const graph::ValueId b = graph.add_input({format, {k, n}}, "b");
  graph::DotAttr dot;
  dot.lhs_contract = {1};
  dot.rhs_contract = {0};
  const DType result = is_float(format) ? DType::kF32 : is_fixed(format) ? format : DType::kI32;
  const graph::ValueId c = graph.add_typed(graph::OpKind::kDotGeneral, {a, b}, {result, {m, n}}, dot, "gemm");
  graph.add_output(c, "c");
  return graph;
}

namespace {

// A chip has one fixed-point format.
Status check_types(const graph::Graph& graph, const Chip& chip) {
  for (std::size_t i = 0; i < graph.inputs.size(); ++i)
    SYSTOLE_TRY(chip.check_knows("input " + graph.input_names[i], graph.type(graph.inputs[i]).type));
  for (const graph::Op& op : graph.ops)
    SYSTOLE_TRY(chip.check_knows(fmt::format("{} from '{}'", op_name(op.kind), op.source), graph.type(op.result).type));
  return ok_status();
}

}  // namespace

// Read top to bottom: the passes.
Expected<Compiled> compile(const graph::Graph& source, const Chip& chip, const Options& options) {
  if (chip.machine == MachineKind::kTinyTpu)
    return unsupported("chip " + chip.name, "runs its own 94-bit words only",
                       "use systolic-2-q88, the same size in the generic machine");
  const auto dump = [&](const std::string& pass, const std::string& text) {
    if (options.after) options.after(pass, text);
  };
  Compiled result;

  // 1. Graph to graph.
  transform::LowerOptions lower_options;
  lower_options.disabled = options.disabled_passes;
  const bool keep_in_vmem = options.fuse && std::erase(lower_options.disabled, kResidencyPass) == 0;
  std::erase(lower_options.disabled, kPrefetchPass);
  if (options.after)
    lower_options.after = [&](const std::string& pass, const graph::Graph& graph) {
      dump(pass, graph::print_text(graph));
    };
  SYSTOLE_ASSIGN(result.lowered, transform::lower(source, target_of(chip, options), lower_options));

  SYSTOLE_TRY(check_types(result.lowered, chip));

  // 2. Operators to kernels.
  SYSTOLE_ASSIGN(KernelGraph kernels, make_kernels(result.lowered, {options.fuse, chip.vpu.present}));
  dump("kernels", print_kernels(kernels));

  // 3. Memory, and 4. code: tiles, buffers, instructions, tokens. Where tensors in VMEM leave a kernel too little, they
  // go to far memory.
  isa::Program& program = result.program;
  std::vector<bool> banned(kernels.storages.size(), !keep_in_vmem);
  for (bool done = false; !done;) {
    KernelGraph placed = kernels;
    place_in_vmem(placed, chip, banned);
    program = isa::Program();
    program.chip = chip.name;
    program.fingerprint = chip.fingerprint();
    program.format = dtype_name(options.format);
    SYSTOLE_TRY(plan_memory(placed, chip, result.lowered, program));
    int failed_kernel = -1;
    const Status status = generate_code(placed, chip, options, program, failed_kernel);
    done = status.ok();
    if (!done && (failed_kernel < 0 || !ban_residents(placed, failed_kernel, banned))) return status.error();
    if (done && keep_in_vmem) dump(kResidencyPass, print_residents(placed));
  }

  // 5. Hardware loops.
  if (options.roll_loops)
    for (isa::CoreCode& core : program.cores) roll_loops(core);
  if (options.after) dump("program", isa::disassemble(program));
  return result;
}

}  // namespace systole::compile
