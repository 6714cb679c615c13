// The schema of a chip file (docs/chips.md): every field, its range and its default.
#include <fmt/format.h>

#include <algorithm>

#include "chip/yaml_section.h"

namespace systole {
namespace {

constexpr std::int64_t kMostBytes = std::int64_t{1} << 36;      // width of a far address in an instruction
constexpr std::int64_t kMostVmemBytes = std::int64_t{1} << 32;  // width of a VMEM address
constexpr IntegerRange kLatency{0, 1'000'000};

MemorySpec read_memory(YamlSection& root, const std::string& name, double clock_hz) {
  MemorySpec memory;
  YamlSection s = root.section(name);
  if (!s.present()) return memory;
  memory.present = true;
  memory.capacity_bytes = s.bytes("capacity_bytes", {64, kMostBytes});
  memory.bandwidth = s.bandwidth("bandwidth", clock_hz);
  memory.burst_bytes = s.bytes("burst_bytes", {1, 65536}, memory.burst_bytes);
  memory.latency_cycles = s.integer("latency_cycles", kLatency, memory.latency_cycles);
  s.finish();
  return memory;
}

// The products of a fixed-point format are shifted by a constant number of bits: an array has one.
void check_formats(const std::vector<DType>& formats, YamlContext& context) {
  constexpr DType kPossible[] = {DType::kI4,  DType::kI8,     DType::kU8,     DType::kI16,  DType::kBF16,
                                 DType::kF16, DType::kF8E4M3, DType::kF8E5M2, DType::kTF32, DType::kF32};
  for (const DType format : formats) {
    if (is_fixed(format) || std::find(std::begin(kPossible), std::end(kPossible), format) != std::end(kPossible))
      continue;
    context.fail("mxu.formats", fmt::format("no matrix unit multiplies {}", dtype_name(format)),
                 "i4, i8, ui8, i16, bf16, f16, f8E4M3FN, f8E5M2, tf32, f32, or one of q1.15 to q15.1 (q8.8)");
  }
  const auto first = std::find_if(formats.begin(), formats.end(), is_fixed);
  const auto other = first == formats.end() ? first : std::find_if(first + 1, formats.end(), is_fixed);
  if (other == formats.end()) return;
  context.fail("mxu.formats",
               fmt::format("a matrix unit multiplies one fixed-point format, not {} and {}", dtype_name(*first),
                           dtype_name(*other)),
               "its hardware shifts products by a constant: keep one of them");
}

Chip::MatrixUnit read_mxu(YamlSection& root, YamlContext& context) {
  Chip::MatrixUnit mxu;
  YamlSection s = root.section("mxu");
  if (!s.present()) {
    context.fail("mxu", "is missing", "every chip has a matrix unit: rows, columns, formats");
    return mxu;
  }
  mxu.count = s.integer("count", {1, 4}, mxu.count);
  mxu.rows = s.integer("rows", {1, 512});
  mxu.columns = s.integer("columns", {1, 512});
  mxu.weight_double_buffer = s.boolean("weight_double_buffer", mxu.weight_double_buffer);
  mxu.formats = s.types("formats");
  mxu.accumulator_rows = s.integer("accumulator_rows", {0, 1 << 28});
  s.finish();
  check_formats(mxu.formats, context);
  return mxu;
}

Chip::VectorUnit read_vpu(YamlSection& root) {
  Chip::VectorUnit vpu;
  YamlSection s = root.section("vpu");
  vpu.present = s.present();
  if (!vpu.present) return vpu;
  vpu.lanes = s.integer("lanes", {1, 4096});
  vpu.sublanes = s.integer("sublanes", {1, 64});
  vpu.strided_cycles = s.integer("strided_cycles", {1, 1024}, vpu.strided_cycles);
  s.finish();
  return vpu;
}

Chip::Timing read_timing(YamlSection& root) {
  Chip::Timing t;
  YamlSection s = root.section("timing");
  t.control_cycles = s.integer("control_cycles", {0, 1}, t.control_cycles);
  t.queue_depth = s.integer("queue_depth", {1, 4096}, t.queue_depth);
  t.feeder_latency = s.integer("feeder_latency", kLatency, t.feeder_latency);
  t.accumulator_latency = s.integer("accumulator_latency", kLatency, t.accumulator_latency);
  t.vector_latency = s.integer("vector_latency", kLatency, t.vector_latency);
  t.barrier_cycles = s.integer("barrier_cycles", kLatency, t.barrier_cycles);
  s.finish();
  return t;
}

Chip::TinyTpu read_tinytpu(YamlSection& root, MachineKind machine, YamlContext& context) {
  constexpr IntegerRange kFixed{-32768, 32767};
  using Rounding = Chip::TinyTpu::Rounding;
  Chip::TinyTpu t;
  YamlSection s = root.section("tinytpu");
  if (machine != MachineKind::kTinyTpu) {
    if (s.present()) context.fail("tinytpu", "only a chip with machine: tinytpu has this section");
    return t;
  }
  const auto slope = [&](const std::string& name) -> std::optional<std::int16_t> {
    const std::int64_t value = s.integer(name, kFixed, 0);
    return s.has(name) ? std::optional(static_cast<std::int16_t>(value)) : std::nullopt;
  };
  t.block_ram = s.choice("buffer", {"registers", "block_ram"}, "registers") == "block_ram";
  t.shared_multiplier = s.choice("multipliers", {"parallel", "shared"}, "parallel") == "shared";
  t.registered_switch = s.choice("switch", {"combinational", "registered"}, "combinational") == "registered";
  t.registered_bypass = s.choice("bypass", {"combinational", "registered"}, "combinational") == "registered";
  const std::string rounding = s.choice("rounding", {"half_up", "truncate", "wrap", "stochastic"}, "half_up");
  t.rounding = rounding == "half_up" ? Rounding::kHalfUp : rounding == "truncate" ? Rounding::kTruncate : rounding == "wrap" ? Rounding::kWrap : Rounding::kStochastic;
  t.forward_slope = slope("forward_slope");
  t.derivative_slope = slope("derivative_slope");
  t.learning_rate = static_cast<std::int16_t>(s.integer("learning_rate", kFixed, t.learning_rate));
  t.lfsr_seed = static_cast<std::uint16_t>(s.integer("lfsr_seed", {1, 65535}, t.lfsr_seed));
  s.finish();
  return t;
}

// Every number's source: its own, that of a section above it, `default`, or the format's default value.
void resolve_sources(YamlSection& root, YamlContext& context, Chip& chip) {
  const auto listed = root.texts("sources");
  const auto covers = [](const std::string& key, const std::string& path) {
    return key == "default" || path == key || path.starts_with(key + ".");
  };
  for (const auto& [key, source] : listed) {
    const bool known = std::any_of(context.numbers.begin(), context.numbers.end(), [&](const auto& path) { return covers(key, path); });
    if (!known) context.fail("sources." + key, "no number has this name", "a field as mxu.rows, a section as timing, or default");
  }
  for (const std::string& path : context.numbers) {
    if (context.sources.contains(path)) continue;
    const bool given = std::find(context.given.begin(), context.given.end(), path) != context.given.end();
    if (!given) context.sources[path] = "default of the chip format (docs/chips.md)";
    std::size_t longest = 0;
    for (const auto& [key, source] : listed) {
      const std::size_t rank = key == "default" ? 1 : key.size() + 1;
      if (!covers(key, path) || rank <= longest || (!given && key == "default")) continue;
      longest = rank;
      context.sources[path] = source;
    }
  }
  chip.sources = context.sources;
}

void check_together(const Chip& chip, YamlContext& context) {
  if (!chip.hbm.present) context.fail("hbm", "is missing", "inputs, weights and outputs stand there: capacity_bytes, bandwidth");
  const bool by_parts = chip.default_format == DType::kF32 && chip.multiplies(DType::kBF16);
  if (!chip.multiplies(chip.default_format) && !by_parts) {
    context.fail("default_format", fmt::format("mxu.formats has no {}", dtype_name(chip.default_format)), "choose one of mxu.formats");
  }
  if (chip.machine == MachineKind::kTinyTpu && chip.default_format != DType::kQ8_8) {
    context.fail("default_format",
                 fmt::format("the machine of 94-bit words does not compute in {}", dtype_name(chip.default_format)),
                 "q8.8");
  }
  if (chip.vmem_bytes % 64 != 0) context.fail("vmem_bytes", fmt::format("{} is not a multiple of 64", chip.vmem_bytes));
}

Chip read_chip(const YAML::Node& node, YamlContext& context) {
  Chip chip;
  YamlSection root(node, "", context);
  chip.name = root.text("name");
  if (chip.name.empty()) context.fail("name", "is empty");
  chip.description = root.text("description", "");
  const std::string machine = root.choice("machine", {"generic", "tinytpu"}, "generic");
  chip.machine = machine == "tinytpu" ? MachineKind::kTinyTpu : MachineKind::kGeneric;
  const double clock_hz = root.hertz("clock_hz");
  chip.clock = Hertz(clock_hz);
  chip.cores = root.integer("cores", {1, 64}, chip.cores);
  chip.mxu = read_mxu(root, context);
  chip.vpu = read_vpu(root);
  chip.vmem_bytes = root.bytes("vmem_bytes", {64, kMostVmemBytes});
  chip.dma_engines = root.integer("dma_engines", {1, 4}, chip.dma_engines);
  chip.hbm = read_memory(root, "hbm", clock_hz);
  chip.cmem = read_memory(root, "cmem", clock_hz);
  chip.timing = read_timing(root);
  chip.tinytpu = read_tinytpu(root, chip.machine, context);
  chip.default_format = root.type("default_format");
  chip.fixed_requantisation = root.choice("requant", {"float", "fixed"}, "float") == "fixed";
  resolve_sources(root, context, chip);
  root.finish();
  check_together(chip, context);
  return chip;
}

}  // namespace

Expected<Chip> parse_chip(const std::string& yaml, const std::string& place) {
  constexpr std::size_t kLargestFile = 1 << 20;
  if (yaml.size() > kLargestFile) return invalid_input(place, "is larger than 1 MiB", "a chip file is a page of text");
  YamlContext context;
  context.file = place;
  try {
    const YAML::Node node = YAML::Load(yaml);
    if (!node.IsMap()) return invalid_input(place, "is not a YAML map", "a chip file begins with 'name: ...'");
    Chip chip = read_chip(node, context);
    if (context.error) return *context.error;
    return chip;
  } catch (const YAML::Exception& e) {
    const std::string where = e.mark.is_null() ? place : fmt::format("{}:{}:{}", place, e.mark.line + 1, e.mark.column + 1);
    return invalid_input(where, fmt::format("is not YAML: {}", e.msg));
  }
}

}  // namespace systole
