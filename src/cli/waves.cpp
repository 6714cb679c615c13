// waves: the registers of a chip over a program's cycles, for GTKWave.
#include <fmt/format.h>

#include <bit>
#include <filesystem>

#include "base/file.h"
#include "chip/suggest.h"
#include "cli/command.h"
#include "isa/limits.h"
#include "machine/event.h"
#include "machine/tinytpu/text.h"
#include "machine/tinytpu/xor.h"
#include "report/vcd.h"
#include "report/waves_rtl.h"
#include "report/waves_tinytpu.h"
#include "rtl/generate.h"
#include "rtl/model.h"
#include "rtl/tinytpu.h"
#include "runtime/bind_inputs.h"

namespace systole::cli {
namespace {

struct Flags {
  std::string program, chip, engine = "register", output, html, svg, cycles, elements;
  std::vector<std::string> inputs;
  std::int64_t limit_megabytes = 1000, steps = 1;
};

struct Job {
  isa::Program program;
  Chip chip;
  std::vector<Tensor> inputs;
  report::CycleWindow cycles;
  std::string title;
};

Status check_place(const std::string& option, const std::string& path, const std::string& extension) {
  if (path.empty()) return ok_status();
  SYSTOLE_TRY(check_output_file(option, path));
  if (std::filesystem::path(path).extension() == extension) return ok_status();
  return invalid_input(option + " " + path, fmt::format("what is written there is {}", extension), "name a file that ends in " + extension);
}

Status check_flags(const Flags& flags) {
  const std::string known[] = {"register", "rtl"};
  if (flags.engine != known[0] && flags.engine != known[1]) {
    return invalid_input("--engine " + flags.engine, flags.engine == "event" ? "has no registers to show" : "is no engine with waves", suggest(flags.engine, known));
  }
  const bool rtl = flags.engine == "rtl", pictures = !flags.html.empty() || !flags.svg.empty();
  if (flags.output.empty() && !pictures) return invalid_input("waves", "there is nothing to write", "give -o WAVES.vcd, --html PAGE.html or --svg PICTURE.svg");
  if (rtl && pictures) return invalid_input("--engine rtl", "the pictures are made from the register engine, which has the same registers", "leave out --html and --svg");
  SYSTOLE_TRY(check_place("-o", flags.output, rtl ? ".fst" : ".vcd"));
  SYSTOLE_TRY(check_place("--html", flags.html, ".html"));
  return check_place("--svg", flags.svg, ".svg");
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

using MakeSource = std::function<Expected<std::unique_ptr<report::PulseSource>>()>;

// Everything is made before anything is written, but for the dump, which may be long.
Status write_files(const Context& context, const Flags& flags, const Job& job, const report::ElementWindow& elements, const MakeSource& make) {
  nlohmann::ordered_json json = {{"chip", job.chip.name}, {"engine", flags.engine}, {"cycles", job.cycles.last - job.cycles.first + 1}};
  std::string text, html, svg;
  if (!flags.html.empty() || !flags.svg.empty()) {
    SYSTOLE_ASSIGN(const auto source, make());
    SYSTOLE_ASSIGN(const auto movie, report::record_pulse(*source, job.cycles, elements, job.title, job.chip.name + ": " + job.chip.description));
    if (!flags.html.empty()) html = report::pulse_html(movie);
    if (!flags.svg.empty()) {
      SYSTOLE_ASSIGN(svg, report::pulse_svg(flags.cycles.empty() ? report::active_part(movie) : movie));
    }
  }
  if (!flags.output.empty()) {
    SYSTOLE_ASSIGN(const auto source, make());
    report::WaveOptions options{job.cycles, job.title, flags.limit_megabytes * 1'000'000};
    SYSTOLE_ASSIGN(const auto result, report::write_vcd(flags.output, *source, job.chip.clock, options));
    const std::filesystem::path path = flags.output;
    const std::string save = std::filesystem::path(path).replace_extension(".gtkw").string();
    SYSTOLE_TRY(write_file(save, report::gtkwave_save(path.filename().string(), source->signals())));
    json.update({{"signals", result.signals}, {"waves", flags.output}, {"save", save}});
    text += fmt::format("{}: {} cycles of {} signals; open {} in GTKWave\n", flags.output, result.cycles, result.signals, save);
  }
  const auto picture = [&](const char* key, const std::string& file, const std::string& content) -> Status {
    if (file.empty()) return ok_status();
    json[key] = file;
    text += fmt::format("{}: open it in a browser\n", file);
    return write_file(file, content);
  };
  SYSTOLE_TRY(picture("html", flags.html, html));
  SYSTOLE_TRY(picture("svg", flags.svg, svg));
  context.show(json, text);
  return ok_status();
}

// "xor" or a file of 94-bit words.
Expected<report::TinyTpuProgram> tinytpu_program(const Flags& flags) {
  if (flags.program != "xor") {
    SYSTOLE_ASSIGN(auto program, tinytpu::load_program(flags.program));
    return report::TinyTpuProgram{std::move(program), {}};
  }
  const tinytpu::XorSettings settings;
  const std::string source = flags.steps == 1 ? tinytpu::xor_step_source(settings) : tinytpu::xor_train_source(flags.steps, settings);
  SYSTOLE_ASSIGN(auto program, tinytpu::assemble(source, "xor"));
  return report::TinyTpuProgram{std::move(program), report::xor_buffer_names()};
}

// The save file beside an FST dump, and what was written.
Status show_rtl(const Context& context, const Flags& flags, const Job& job, std::int64_t cycles, const std::vector<report::Signal>& signals) {
  const std::filesystem::path path = flags.output;
  const std::string save = std::filesystem::path(path).replace_extension(".gtkw").string();
  SYSTOLE_TRY(write_file(save, report::gtkwave_save(path.filename().string(), signals, false)));
  const std::int64_t shown = job.cycles.last - job.cycles.first + 1;
  context.show({{"chip", job.chip.name}, {"engine", flags.engine}, {"cycles", shown}, {"waves", flags.output}, {"save", save}},
               fmt::format("{}: {} of {} cycles; open {} in GTKWave\n", flags.output, shown, cycles, save));
  return ok_status();
}

Expected<rtl::RtlTrace> rtl_trace(const Flags& flags, const Job& job) {
  if (!flags.elements.empty()) return invalid_input("--elements " + flags.elements, "the RTL's waves hold every element", "leave it out, or use --engine register");
  SYSTOLE_ASSIGN(const report::WaveClock clock, report::wave_clock(job.chip.clock));
  return rtl::RtlTrace{flags.output, job.cycles.first, job.cycles.last, clock.unit, clock.numerator, clock.denominator};
}

constexpr const char* kBuilding = "systole: building the chip's hardware model with waves, if it is not in the temporary folder";

Status write_tinytpu_rtl(const Context& context, const Flags& flags, const Job& job, const tinytpu::Program& program) {
  SYSTOLE_ASSIGN(const auto trace, rtl_trace(flags, job));
  context.note(kBuilding);
  SYSTOLE_ASSIGN(const auto model, rtl::TinyTpuModel::build(job.chip, {}, true));
  SYSTOLE_ASSIGN(const auto result, model.run(program, trace));
  return show_rtl(context, flags, job, result.cycles, report::tinytpu_rtl_signals());
}

Status write_tinytpu(const Context& context, const Flags& flags, const Chip& chip) {
  if (!flags.inputs.empty()) return invalid_input("--input", "a TinyTPU program writes its data itself", "leave it out");
  SYSTOLE_ASSIGN(const report::TinyTpuProgram program, tinytpu_program(flags));
  SYSTOLE_ASSIGN(const std::int64_t cycles, report::tinytpu_cycles(program.program, chip));
  Job job;
  job.chip = chip;
  SYSTOLE_ASSIGN(job.cycles, report::cycle_window(cycles, flags.cycles));
  const std::string name = flags.program != "xor" ? std::filesystem::path(flags.program).filename().string()
                           : flags.steps == 0     ? "XOR, the forward pass"
                           : flags.steps == 1     ? "XOR, one training step"
                                                  : fmt::format("XOR, {} training steps", flags.steps);
  job.title = fmt::format("{} on {}, cycles {} to {}", name, chip.name, job.cycles.first, job.cycles.last);
  if (flags.engine == "rtl") return write_tinytpu_rtl(context, flags, job, program.program);
  SYSTOLE_ASSIGN(const auto elements, report::element_window(chip, flags.elements));
  return write_files(context, flags, job, elements, [&]() -> Expected<std::unique_ptr<report::PulseSource>> { return report::tinytpu_waves(program, chip); });
}

Status write_registers(const Context& context, const Flags& flags, const Job& job) {
  SYSTOLE_ASSIGN(const auto elements, report::element_window(job.chip, flags.elements));
  return write_files(context, flags, job, elements, [&] { return report::register_waves(job.program, job.chip, job.inputs, elements); });
}

Status write_rtl(const Context& context, const Flags& flags, const Job& job) {
  SYSTOLE_ASSIGN(const auto trace, rtl_trace(flags, job));
  SYSTOLE_TRY(rtl::check_program(job.program, job.chip));
  context.note(kBuilding);
  SYSTOLE_ASSIGN(const auto model, rtl::RtlModel::build(job.chip, {}, true));
  SYSTOLE_ASSIGN(const auto result, model.run(job.program, job.inputs, &trace));
  const report::RtlWidths widths{std::bit_width(static_cast<std::uint64_t>(rtl::kProgramWords - 1)), static_cast<int>(rtl::data_bits(job.chip))};
  return show_rtl(context, flags, job, result.cycles, report::rtl_signals(job.chip, widths));
}

Status waves(const Context& context, const Flags& flags) {
  SYSTOLE_TRY(check_flags(flags));
  if (!flags.chip.empty() || flags.program == "xor") {
    SYSTOLE_ASSIGN(const Chip chip, load_chip(flags.chip.empty() ? "tinytpu" : flags.chip));
    if (chip.machine == MachineKind::kTinyTpu) return write_tinytpu(context, flags, chip);
    if (flags.program == "xor") return unsupported("xor", "is a program of 94-bit words, which " + chip.name + " does not run", "use --chip tinytpu");
  }
  SYSTOLE_ASSIGN(const Job job, prepare(context, flags));
  return flags.engine == "rtl" ? write_rtl(context, flags, job) : write_registers(context, flags, job);
}

}  // namespace

void add_waves(CLI::App& app, Context& context) {
  auto flags = std::make_shared<Flags>();
  CLI::App* const command = add_command(app, context, "waves", "every register over a program's cycles, for GTKWave", [&context, flags] { return waves(context, *flags); });
  command->add_option("program", flags->program, "a program file, assembly text (.s), or xor: TinyTPU learns exclusive or")->required();
  command->add_option("--steps", flags->steps, "of xor: training steps; 0 is the forward pass alone")->capture_default_str()->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 20));
  command->add_option("--chip", flags->chip, "the chip; needed if it is not the catalogue's chip of the name in the program");
  command->add_option("--engine", flags->engine, "register (VCD) or rtl (FST, by Verilator)")->capture_default_str();
  command->add_option("-o,--out", flags->output, "the waves: a .vcd file (.fst with --engine rtl); a GTKWave save file (.gtkw) goes beside it");
  command->add_option("--html", flags->html, "a page that steps through the cycles: the array, its numbers, a caption for each");
  command->add_option("--svg", flags->svg, "the array as an animation; without --cycles, the cycles in which it moves");
  command->add_option("--input", flags->inputs, "NAME=FILE.npy or NAME=FILE.pb, once for each input; without any, all are random")->allow_extra_args(false);
  command->add_option("--cycles", flags->cycles, "A:B, the first and the last cycle to show");
  command->add_option("--elements", flags->elements, "R0:R1,C0:C1, the rows and columns of the array to show; needed beyond 16 x 16");
  command->add_option("--limit", flags->limit_megabytes, "the longest dump, in MB")->capture_default_str()->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 20));
  command->footer(
      "Examples:\n"
      "  systole waves product.s --chip systolic-4 -o product.vcd\n"
      "  systole waves xor --chip tinytpu -o xor.vcd --html xor.html\n"
      "  systole waves product.s --html product.html --svg product.svg\n"
      "  systole waves model.systole -o model.vcd --cycles 1000:2000 --elements 0:7,0:7");
}

}  // namespace systole::cli
