// waves: the registers of a chip over a program's cycles, for GTKWave.
#include <fmt/format.h>

#include <filesystem>

#include "base/file.h"
#include "chip/suggest.h"
#include "cli/command.h"
#include "isa/limits.h"
#include "machine/event.h"
#include "report/vcd.h"
#include "report/waves.h"
#include "rtl/model.h"
#include "runtime/bind_inputs.h"

namespace systole::cli {
namespace {

struct Flags {
  std::string program, chip, engine = "register", output, cycles, elements;
  std::vector<std::string> inputs;
  std::int64_t limit_megabytes = 1000;
};

struct Job {
  isa::Program program;
  Chip chip;
  std::vector<Tensor> inputs;
  report::CycleWindow cycles;
  std::string title;
};

Status check_flags(const Flags& flags) {
  const std::string known[] = {"register", "rtl"};
  if (flags.engine != known[0] && flags.engine != known[1]) {
    return invalid_input("--engine " + flags.engine, flags.engine == "event" ? "has no registers to show" : "is no engine with waves", suggest(flags.engine, known));
  }
  SYSTOLE_TRY(check_output_file("-o", flags.output));
  const std::string wanted = flags.engine == "rtl" ? ".fst" : ".vcd";
  if (std::filesystem::path(flags.output).extension() != wanted) {
    return invalid_input("-o " + flags.output, fmt::format("the {} engine writes {} files", flags.engine, wanted), "name a file that ends in " + wanted);
  }
  return ok_status();
}

// A program file, or assembly text if the name ends in .s.
Expected<isa::Program> read_program(const std::string& path) {
  if (!path.ends_with(".s")) {
    SYSTOLE_ASSIGN(const auto bytes, read_file(path));
    return isa::parse_program(bytes, path);
  }
  SYSTOLE_ASSIGN(const std::string text, read_text_file(path));
  return isa::assemble(text, path);
}

Status check_program(const isa::Program& program, const Chip& chip, const std::string& path) {
  if (program.fingerprint != 0 && program.fingerprint != chip.fingerprint()) {
    return invalid_input(path, fmt::format("was compiled for another chip ('{}'), not for this '{}'", program.chip, chip.name), "compile the model for this chip");
  }
  if (auto status = isa::check_program(program, isa::limits(chip)); !status.ok()) {
    Error error = status.error();
    error.place = path + ": " + error.place;
    return error;
  }
  return ok_status();
}

Expected<Job> prepare(const Context& context, const Flags& flags) {
  Job job;
  SYSTOLE_ASSIGN(Tensors tensors, read_inputs(flags.inputs));
  SYSTOLE_ASSIGN(job.program, read_program(flags.program));
  SYSTOLE_ASSIGN(job.chip, load_chip(flags.chip.empty() ? job.program.chip : flags.chip));
  SYSTOLE_TRY(check_program(job.program, job.chip, flags.program));
  if (tensors.empty()) {
    for (const std::string& name : fill_inputs(job.program, context.seed, tensors)) {
      context.note(fmt::format("systole: note: input '{}' is not given: random values from seed {}", name, context.seed));
    }
  }
  SYSTOLE_ASSIGN(job.inputs, runtime::bind_inputs(job.program.inputs, tensors));
  SYSTOLE_ASSIGN(const auto time, machine::simulate_time(job.program, job.chip));
  SYSTOLE_ASSIGN(job.cycles, report::cycle_window(time.cycles, flags.cycles));
  job.title = fmt::format("{} on {}, cycles {} to {}", std::filesystem::path(flags.program).filename().string(), job.chip.name, job.cycles.first, job.cycles.last);
  return job;
}

Status write_registers(const Context& context, const Flags& flags, const Job& job) {
  SYSTOLE_ASSIGN(const auto elements, report::element_window(job.chip, flags.elements));
  SYSTOLE_ASSIGN(const auto source, report::register_waves(job.program, job.chip, job.inputs, elements));
  report::WaveOptions options{job.cycles, job.title, flags.limit_megabytes * 1'000'000};
  SYSTOLE_ASSIGN(const auto result, report::write_vcd(flags.output, *source, job.chip.clock, options));
  const std::filesystem::path path = flags.output;
  const std::string save = std::filesystem::path(path).replace_extension(".gtkw").string();
  SYSTOLE_TRY(write_file(save, report::gtkwave_save(path.filename().string(), source->signals())));
  context.show({{"chip", job.chip.name}, {"engine", flags.engine}, {"cycles", result.cycles}, {"signals", result.signals}, {"waves", flags.output}, {"save", save}},
               fmt::format("{}: {} cycles of {} signals; open {} in GTKWave\n", flags.output, result.cycles, result.signals, save));
  return ok_status();
}

Status write_rtl(const Context& context, const Flags& flags, const Job& job) {
  if (!flags.elements.empty()) return invalid_input("--elements " + flags.elements, "the RTL's waves hold every element", "leave it out, or use --engine register");
  SYSTOLE_TRY(rtl::check_program(job.program, job.chip));
  context.note("systole: building the chip's hardware model with waves, if it is not in the temporary folder");
  SYSTOLE_ASSIGN(const auto model, rtl::RtlModel::build(job.chip, {}, true));
  SYSTOLE_ASSIGN(const report::WaveClock clock, report::wave_clock(job.chip.clock));
  const rtl::RtlTrace trace{flags.output, job.cycles.first, job.cycles.last, clock.unit, clock.numerator, clock.denominator};
  SYSTOLE_ASSIGN(const auto result, model.run(job.program, job.inputs, &trace));
  const std::int64_t cycles = job.cycles.last - job.cycles.first + 1;
  context.show({{"chip", job.chip.name}, {"engine", flags.engine}, {"cycles", cycles}, {"waves", flags.output}},
               fmt::format("{}: {} of {} cycles; open it in GTKWave\n", flags.output, cycles, result.cycles));
  return ok_status();
}

Status waves(const Context& context, const Flags& flags) {
  SYSTOLE_TRY(check_flags(flags));
  SYSTOLE_ASSIGN(const Job job, prepare(context, flags));
  return flags.engine == "rtl" ? write_rtl(context, flags, job) : write_registers(context, flags, job);
}

}  // namespace

void add_waves(CLI::App& app, Context& context) {
  auto flags = std::make_shared<Flags>();
  CLI::App* const command = add_command(app, context, "waves", "every register over a program's cycles, for GTKWave", [&context, flags] { return waves(context, *flags); });
  command->add_option("program", flags->program, "a program file, or assembly text (.s)")->required();
  command->add_option("--chip", flags->chip, "the chip; needed if it is not the catalogue's chip of the name in the program");
  command->add_option("--engine", flags->engine, "register (VCD) or rtl (FST, by Verilator)")->capture_default_str();
  command->add_option("-o,--out", flags->output, "the waves: a .vcd file (.fst with --engine rtl); a GTKWave save file (.gtkw) goes beside it")->required();
  command->add_option("--input", flags->inputs, "NAME=FILE.npy or NAME=FILE.pb, once for each input; without any, all are random")->allow_extra_args(false);
  command->add_option("--cycles", flags->cycles, "A:B, the first and the last cycle to show");
  command->add_option("--elements", flags->elements, "R0:R1,C0:C1, the rows and columns of the array to show; needed beyond 16 x 16");
  command->add_option("--limit", flags->limit_megabytes, "the longest dump, in MB")->capture_default_str()->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 20));
  command->footer(
      "Examples:\n"
      "  systole waves product.s --chip systolic-4 -o product.vcd\n"
      "  systole waves model.systole -o model.vcd --cycles 1000:2000 --elements 0:7,0:7");
}

}  // namespace systole::cli
