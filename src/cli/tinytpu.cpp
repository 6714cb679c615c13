// tinytpu: programs of 94-bit words on the 2x2 machine, and its one published job, exclusive or.
#include <fmt/format.h>

#include <cmath>

#include "base/file.h"
#include "chip/suggest.h"
#include "cli/command.h"
#include "machine/tinytpu/first_word.h"
#include "machine/tinytpu/run.h"
#include "machine/tinytpu/text.h"
#include "machine/tinytpu/xor.h"
#include "rtl/tinytpu.h"

namespace systole::cli {
namespace {

using tinytpu::Program;
using tinytpu::Result;

constexpr double kSolved = 0.01;          // mean squared error below which exclusive or counts as learned

struct Flags {
  std::string program, chip = "tinytpu", engine = "event", output, cache;
  std::int64_t steps = -1;
  double learning_rate = 0, leak = 0.1;
  bool has_learning_rate = false, has_leak = false;
};

struct Job {
  Chip chip;
  Program program;
  bool is_xor = false;
  std::int64_t steps = 1;                  // rounds of the first loop; 1: there is none
  tinytpu::XorSettings settings;
};

// Rounded to the nearest 1/256.
Expected<std::int16_t> fixed(const std::string& option, double value) {
  if (!(value >= -128 && value <= 127.99609375)) {
    return invalid_input(fmt::format("{} {}", option, value), "is no Q8.8 number", "-128 to 127.99609375, in steps of 1/256");
  }
  return static_cast<std::int16_t>(std::llround(value * 256));
}

Expected<Chip> tiny_chip(const Flags& flags) {
  SYSTOLE_ASSIGN(Chip chip, load_chip(flags.chip));
  if (chip.machine != MachineKind::kTinyTpu) {
    return unsupported("chip " + chip.name, "does not run 94-bit words", "tinytpu and tinytpu-bram do, and files with machine: tinytpu");
  }
  if (flags.has_learning_rate) {
    SYSTOLE_ASSIGN(chip.tinytpu.learning_rate, fixed("--learning-rate", flags.learning_rate));
  }
  return chip;
}

Status check_steps(const Flags& flags, std::int64_t low) {
  const std::int64_t high = tinytpu::control_table()[static_cast<std::size_t>(tinytpu::Control::kLoop)].high;
  if (flags.steps >= low && flags.steps <= high) return ok_status();
  return invalid_input(fmt::format("--steps {}", flags.steps), "is out of range", fmt::format("{} .. {}, the range of a loop counter", low, high));
}

Expected<Job> xor_job(const Flags& flags, Job job) {
  SYSTOLE_ASSIGN(job.settings.leak, fixed("--leak", flags.leak));
  job.is_xor = true;
  job.steps = 200;
  if (flags.steps != -1) {
    SYSTOLE_TRY(check_steps(flags, 0));
    job.steps = flags.steps;
  }
  SYSTOLE_ASSIGN(job.program, tinytpu::assemble(tinytpu::xor_train_source(job.steps, job.settings), "xor"));
  return job;
}

// --steps sets the first loop's count.
Expected<Job> file_job(const Flags& flags, Job job) {
  if (flags.has_leak) return invalid_input("--leak", "a program's words carry their leak", "change leak= in the program");
  SYSTOLE_ASSIGN(job.program, tinytpu::load_program(flags.program));
  for (tinytpu::Instruction& instruction : job.program.code) {
    if (instruction.kind != tinytpu::Kind::kControl || instruction.control != tinytpu::Control::kLoop) continue;
    if (flags.steps != -1) {
      SYSTOLE_TRY(check_steps(flags, 1));
      instruction.operand = flags.steps;
    }
    job.steps = instruction.operand;
    return job;
  }
  if (flags.steps != -1 && flags.steps != 1) {
    return invalid_input(fmt::format("--steps {}", flags.steps), flags.program + " has no loop", "write the step between `loop 1` and `end`, or leave --steps out");
  }
  return job;
}

Status check_output(const Flags& flags) {
  if (flags.output.empty()) return ok_status();
  SYSTOLE_TRY(check_output_file("-o", flags.output));
  if (flags.output.ends_with(".s") || flags.output.ends_with(".hex")) return ok_status();
  return invalid_input("-o " + flags.output, "is no TinyTPU program by its name", "assembly text ends in .s, words in .hex");
}

Expected<Job> prepare(const Flags& flags) {
  const std::string engines[] = {"event", "register", "rtl"};
  if (std::find(std::begin(engines), std::end(engines), flags.engine) == std::end(engines)) {
    return invalid_input("--engine " + flags.engine, "is no engine", suggest(flags.engine, engines));
  }
  Job job;
  SYSTOLE_ASSIGN(job.chip, tiny_chip(flags));
  return flags.program == "xor" ? xor_job(flags, std::move(job)) : file_job(flags, std::move(job));
}

Expected<Result> run(const Context& context, const Flags& flags, const Job& job) {
  if (flags.engine == "event") return tinytpu::run_events(job.program, job.chip.tinytpu);
  if (flags.engine == "register") return tinytpu::run_registers(job.program, job.chip.tinytpu);
  context.note("systole: building the chip's hardware model, if it is not in the temporary folder");
  SYSTOLE_ASSIGN(const auto model, rtl::TinyTpuModel::build(job.chip, flags.cache));
  return model.run(job.program);
}

// The first step after which exclusive or is solved, or 0.
Expected<std::int64_t> solved_after(const Job& job) {
  std::int64_t step = 0, first = 0;
  const auto look = [&](const tinytpu::Memory& memory) {
    ++step;
    if (first == 0 && tinytpu::xor_error(memory, job.settings) < kSolved) first = step;
  };
  SYSTOLE_TRY(tinytpu::run_events(job.program, job.chip.tinytpu, look));
  return first;
}

std::string memory_text(const tinytpu::Memory& memory) {
  std::size_t used = memory.size();
  while (used > 0 && memory[used - 1] == 0) --used;
  std::string text;
  for (std::size_t row = 0; row < used; row += 8) {
    text += fmt::format("  {:3}", row);
    for (std::size_t i = row; i < row + 8; ++i) text += fmt::format(" {:10.5f}", memory[i] / 256.0);
    text += "\n";
  }
  return text;
}

Status written(const Context& context, const Flags& flags, std::size_t instructions, const std::string& text) {
  SYSTOLE_TRY(write_file(flags.output, text));
  context.show({{"program", flags.output}, {"instructions", instructions}}, fmt::format("{}: {} instructions\n", flags.output, instructions));
  return ok_status();
}

// Words of 24 bits are translated, not run.
Status first_form(const Context& context, const Flags& flags, const std::string& text) {
  SYSTOLE_ASSIGN(const auto words, tinytpu::read_first_words(text, flags.program, flags.program.ends_with(".hex")));
  if (flags.output.empty()) {
    return unsupported(flags.program, "24-bit words are assembled and disassembled, not run: that machine had no buffer", "give -o FILE.hex or -o FILE.s, or write 94-bit words");
  }
  return written(context, flags, words.size(), tinytpu::write_first_words(words, flags.output.ends_with(".hex")));
}

Status tiny(const Context& context, const Flags& flags) {
  SYSTOLE_TRY(check_output(flags));
  if (flags.program.ends_with(".s") || flags.program.ends_with(".hex")) {
    SYSTOLE_ASSIGN(const std::string text, read_text_file(flags.program));
    if (tinytpu::is_first_form(text)) return first_form(context, flags, text);
  }
  SYSTOLE_ASSIGN(const Job job, prepare(flags));
  if (!flags.output.empty()) {
    return written(context, flags, job.program.code.size(), flags.output.ends_with(".s") ? tinytpu::disassemble(job.program) : tinytpu::write_hex(job.program));
  }
  SYSTOLE_ASSIGN(const Result result, run(context, flags, job));
  const double seconds = static_cast<double>(result.clocks) / job.chip.clock.value();
  nlohmann::ordered_json json = {{"chip", job.chip.name},       {"engine", flags.engine},  {"cycles", result.cycles}, {"issue_cycles", result.issue_cycles},
                                 {"clocks", result.clocks},     {"seconds", seconds},      {"steps", job.steps},      {"memory", result.memory},
                                 {"lost_writes", result.lost_writes}, {"mse", nullptr}};
  std::string text = fmt::format("{}, {} engine: {} step{}, {} cycles, {} clocks, {:.3g} s\n{}", job.chip.name, flags.engine, job.steps, job.steps == 1 ? "" : "s",
                                 result.cycles, result.clocks, seconds, memory_text(result.memory));
  if (job.program.error) {
    const double error = tinytpu::mean_squared_error(result.memory, *job.program.error);
    json["mse"] = error;
    text += fmt::format("mean squared error {:.6f}\n", error);
  }
  if (job.is_xor) {
    SYSTOLE_ASSIGN(const std::int64_t solved, solved_after(job));
    json["solved_after_steps"] = solved > 0 ? nlohmann::ordered_json(solved) : nlohmann::ordered_json(nullptr);
    text += solved > 0 ? fmt::format("first below {} after step {}\n", kSolved, solved) : fmt::format("not below {} in these steps\n", kSolved);
  }
  if (result.lost_writes > 0) context.note(fmt::format("systole: note: {} words were written beyond word 127 and are lost; `pointer` sets the write pointer back", result.lost_writes));
  context.show(json, text);
  return ok_status();
}

}  // namespace

void add_tinytpu(CLI::App& app, Context& context) {
  auto flags = std::make_shared<Flags>();
  CLI::App* const command = add_command(app, context, "tinytpu", "programs of 94-bit words on the 2x2 machine", [&context, flags] { return tiny(context, *flags); });
  command->add_option("program", flags->program, "assembly text (.s), words (.hex), or xor: training in a loop, then the predictions")->required();
  command->add_option("--steps", flags->steps, "training steps of xor (200 if left out); for a file the count of its first loop");
  command->add_option("--engine", flags->engine, "event, register or rtl (by Verilator)")->capture_default_str();
  command->add_option("--chip", flags->chip, "a catalogue name or a YAML file with machine: tinytpu")->capture_default_str();
  command->add_option("--learning-rate", flags->learning_rate, "the machine's input, in place of the chip's")->each([flags](const std::string&) { flags->has_learning_rate = true; });
  command->add_option("--leak", flags->leak, "slope of xor's leaky ReLU; the original's is 0.5")->capture_default_str()->each([flags](const std::string&) { flags->has_leak = true; });
  command->add_option("-o,--out", flags->output, "write the program as .s or .hex and do not run it");
  command->add_option("--cache", flags->cache, "folder for the built hardware model; one of the temporary folder's if left out");
  command->footer(
      "Examples:\n"
      "  systole tinytpu xor --steps 200\n"
      "  systole tinytpu program.s --engine register --json\n"
      "  systole tinytpu program.s -o program.hex");
}

}  // namespace systole::cli
