#include "gate_level.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "helpers.h"
#include "machine/tinytpu/run.h"
#include "machine/tinytpu/text.h"
#include "machine/tinytpu/word.h"
#include "machine/tinytpu/xor.h"
#include "rtl/tinytpu.h"
#include "rtl/tinytpu_random.h"
#include "rtl/verilate.h"

namespace systole::rtl {
namespace {

using Bytes = std::vector<std::uint8_t>;

void append(Bytes& bytes, std::uint64_t value, int count) {
  for (int i = 0; i < count; ++i) bytes.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

Bytes input_of(const tinytpu::Program& program, const tinytpu::Options& options, std::int64_t most_clocks) {
  Bytes bytes;
  append(bytes, program.code.size() + 1, 8);
  append(bytes, static_cast<std::uint16_t>(options.learning_rate), 8);
  append(bytes, static_cast<std::uint64_t>(most_clocks), 8);
  tinytpu::Instruction halt;
  halt.kind = tinytpu::Kind::kControl;
  for (std::size_t i = 0; i <= program.code.size(); ++i) {
    for (const std::uint32_t part : tinytpu::encode(i < program.code.size() ? program.code[i] : halt)) append(bytes, part, 4);
  }
  return bytes;
}

HardwareText testbench() { return {"testbench.cpp", text_of(std::string(SYSTOLE_SOURCE_DIR) + "/tests/synth/ports_testbench.cpp")}; }

std::string built(std::vector<HardwareText> texts) {
  texts.push_back(testbench());
  const auto program = verilate("tinytpu-ports", texts, "tinytpu", {});
  if (!program.ok()) ADD_FAILURE() << program.error().text();
  return program.ok() ? *program : std::string();
}

std::string build_rtl(const Chip& chip) {
  std::vector<HardwareText> texts = {{"tinytpu_chip.sv", tinytpu_package(chip.tinytpu)}};
  for (const SourceText& text : tinytpu_texts()) {
    if (text.name.ends_with(".sv") && text.name != "tinytpu_probe.sv") texts.push_back({std::string(text.name), std::string(text.text)});
  }
  return built(texts);
}

// Lint is for what people write.
HardwareText gate_text(const Folder& folder, const std::string& name) {
  std::string quiet;
  for (const char* rule : {"UNUSED", "UNDRIVEN", "WIDTH", "DECLFILENAME", "PINMISSING", "PINCONNECTEMPTY", "UNOPTFLAT", "LITENDIAN", "VARHIDDEN", "TIMESCALEMOD", "IMPLICIT", "BLKSEQ"}) {
    quiet += fmt::format("/* verilator lint_off {} */\n", rule);
  }
  return {std::filesystem::path(name).stem().string() + ".sv", quiet + text_of(folder.file(name))};
}

std::string build_gates(const Chip& chip, const Folder& folder, std::int64_t largest_flops) {
  SynthOptions options;
  options.output = folder.path.string();
  options.largest_flops = largest_flops;
  const auto result = synthesize_gates(chip, options);
  if (!result.ok()) ADD_FAILURE() << result.error().text();
  if (!result.ok()) return {};
  std::printf("%s: %lld cells\n", chip.name.c_str(), static_cast<long long>(result->cells));
  return built({gate_text(folder, "cells.v"), gate_text(folder, "memory.v"), gate_text(folder, "gates.v")});
}

Bytes shown_by(const std::string& program, const Folder& folder, const Bytes& input) {
  EXPECT_TRUE(write_file(folder.file("input"), input).ok());
  EXPECT_EQ(std::system(fmt::format("'{}' '{}' '{}'", program, folder.file("input"), folder.file("output")).c_str()), 0);
  const auto output = read_file(folder.file("output"));
  return output.ok() ? Bytes(output->begin(), output->end()) : Bytes();
}

}  // namespace

void expect_gates_as_rtl(const char* name, std::int64_t largest_flops, std::uint64_t programs, std::int64_t steps) {
  const Chip chip = load_chip(name).value();
  const Folder folder;
  const std::string rtl = build_rtl(chip), gates = build_gates(chip, folder, largest_flops);
  ASSERT_FALSE(rtl.empty() || gates.empty());
  std::vector<tinytpu::Program> list = {tinytpu::assemble(tinytpu::xor_step_source({}), "step").value(), tinytpu::assemble(tinytpu::xor_train_source(steps, {}), "train").value()};
  const std::uint64_t first = static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count()) & 0xFFFFFFFF;
  std::printf("random programs from seed %llu\n", static_cast<unsigned long long>(first));
  for (std::uint64_t i = 0; i < programs; ++i) list.push_back(random_tinytpu_program(first + i));
  std::int64_t clocks = 0, results = 0, ended = 0;
  for (const tinytpu::Program& program : list) {
    const auto events = run_events(program, chip.tinytpu);
    if (!events.ok()) continue;   // a wait that never ends
    const Bytes input = input_of(program, chip.tinytpu, 2 * events->clocks + 1000);
    const Bytes by_rtl = shown_by(rtl, folder, input), by_gates = shown_by(gates, folder, input);
    ASSERT_EQ(by_rtl.size(), static_cast<std::size_t>(5 * events->clocks));
    ASSERT_TRUE(by_rtl == by_gates) << name << ": gates and RTL differ";
    for (std::size_t i = 1; i < by_gates.size(); i += 5) results += by_gates[i];
    clocks += events->clocks;
    ++ended;
  }
  std::printf("%s: %lld programs, %lld clocks, %lld results: gates = RTL\n", name, static_cast<long long>(ended), static_cast<long long>(clocks), static_cast<long long>(results));
  EXPECT_GE(ended, 2);
  EXPECT_GT(results, 6 * steps);
}

}  // namespace systole::rtl
