// disasm and asm: a program file as text and back.
#include "base/file.h"
#include "cli/command.h"

namespace systole::cli {

void add_text(CLI::App& app, Context& context) {
  auto input = std::make_shared<std::string>(), output = std::make_shared<std::string>();
  CLI::App* const disasm = add_command(app, context, "disasm", "a program file as text", [=, &context]() -> Status {
    if (!output->empty()) SYSTOLE_TRY(check_output_file("-o", *output));
    SYSTOLE_ASSIGN(const auto bytes, read_file(*input));
    SYSTOLE_ASSIGN(const auto program, isa::parse_program(bytes, *input));
    const std::string text = isa::disassemble(program);
    if (!output->empty()) SYSTOLE_TRY(write_file(*output, text));
    nlohmann::ordered_json json = {{"chip", program.chip}, {"format", program.format}, {"program_bytes", program.instruction_bytes()}};
    if (output->empty()) json["text"] = text;
    else json["file"] = *output;
    context.show(json, output->empty() ? text : "");
    return ok_status();
  });
  disasm->add_option("program", *input, "a program file")->required();
  disasm->add_option("-o,--out", *output, "the text file to write; standard output if left out");
  disasm->footer("Example:\n  systole disasm model.systole -o model.s");

  auto source = std::make_shared<std::string>(), target = std::make_shared<std::string>();
  CLI::App* const assembler = add_command(app, context, "asm", "text to a program file", [=, &context]() -> Status {
    SYSTOLE_TRY(check_output_file("-o", *target));
    SYSTOLE_ASSIGN(const std::string text, read_text_file(*source));
    SYSTOLE_ASSIGN(auto program, isa::assemble(text, *source));
    if (program.fingerprint == 0 && !program.chip.empty()) {      // written by hand: for the chip it names
      SYSTOLE_ASSIGN(const Chip chip, load_chip(program.chip));
      program.fingerprint = chip.fingerprint();
    }
    SYSTOLE_TRY(write_file(*target, isa::serialize(program)));
    context.show({{"file", *target}, {"program_bytes", program.instruction_bytes()}}, "");
    return ok_status();
  });
  assembler->add_option("text", *source, "assembly text")->required();
  assembler->add_option("-o,--out", *target, "the program file to write")->required();
  assembler->footer("Example:\n  systole asm model.s -o model.systole");
}

}  // namespace systole::cli
