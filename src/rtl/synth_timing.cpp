#include "rtl/synth_timing.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "base/file.h"

namespace systole::rtl {
namespace {

constexpr double kPeriod_ns = 1000;   // longer than any path, so that no path is late

// OpenSTA goes on after what it could not read, and then times half a design.
std::string first_complaint(const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("Error", 0) == 0 || line.find("Creating black box") != std::string::npos) return line;
  }
  return {};
}

// A module that is a memory as a whole, as the flip-flops at its ports.
std::string timing_shell(const std::string& name, const std::vector<Port>& ports) {
  std::string header, body;
  for (const Port& port : ports) {
    header += (header.empty() ? "" : ", ") + port.name;
    const std::string range = port.bits > 1 ? fmt::format("[{}:0] ", port.bits - 1) : "";
    body += fmt::format("  {} {}{};\n", port.output ? "output" : "input", range, port.name);
  }
  for (const Port& port : ports) {
    if (port.name == "clk") continue;
    for (int i = 0; i < port.bits; ++i) {
      const std::string bit = port.bits > 1 ? fmt::format("{}[{}]", port.name, i) : port.name;
      body += port.output ? fmt::format("  DFFPOSX1 {}_{} (.CLK(clk), .D(1'b0), .Q({}));\n", port.name, i, bit)
                          : fmt::format("  DFFPOSX1 {}_{} (.CLK(clk), .D({}));\n", port.name, i, bit);
    }
  }
  return fmt::format("module {} ({});\n{}endmodule\n", name, header, body);
}

std::string value_after(const std::string& line, const std::string& label) {
  const std::size_t at = line.find(label);
  return at == std::string::npos ? "" : line.substr(at + label.size());
}

}  // namespace

Status analyze_timing(const Scratch& scratch, const Design& design, const std::string& liberty, GateResult& result) {
  const auto has_port = [&](std::string_view name) {
    const std::vector<Port>& ports = design.ports.at(design.top);
    return std::any_of(ports.begin(), ports.end(), [&](const Port& port) { return port.name == name; });
  };
  std::string shells;
  for (const std::string& macro : design.macros) shells += timing_shell(macro, design.ports.at(macro));
  SYSTOLE_TRY(write_file(scratch.file("shells.v"), shells.empty() ? std::string("module no_macros ();\nendmodule\n") : shells));
  SYSTOLE_TRY(write_file(scratch.file("timing.tcl"),
                         fmt::format("read_liberty {}\nread_verilog shells.v\nread_verilog timing.v\nlink_design {}\n"
                                     "create_clock -name clk -period {}{}\nset_input_delay 0 -clock clk [all_inputs]\n"
                                     "set_output_delay 0 -clock clk [all_outputs]\n{}"
                                     "report_checks -path_delay max -format full\nexit\n",
                                     liberty, design.top, kPeriod_ns, has_port("clk") ? " [get_ports clk]" : "",
                                     has_port("reset") ? "set_false_path -from [get_ports reset]\n" : "")));
  SYSTOLE_TRY(run_tool(scratch, "sta", "sta -no_splash -exit timing.tcl", "timing.log"));
  SYSTOLE_ASSIGN(const std::string text, read_text_file(scratch.file("timing.log")));
  if (const std::string complaint = first_complaint(text); !complaint.empty()) return Error{ErrorCode::kInternal, "sta", complaint, {}};
  std::istringstream lines(text);
  bool slack_found = false;
  for (std::string line; std::getline(lines, line);) {
    if (const std::string from = value_after(line, "Startpoint: "); !from.empty()) result.from = from.substr(0, from.find(' '));
    if (const std::string to = value_after(line, "Endpoint: "); !to.empty()) result.to = to.substr(0, to.find(' '));
    if (line.find("slack (") != std::string::npos) {
      result.critical_ns = kPeriod_ns - std::strtod(line.c_str(), nullptr);
      slack_found = true;
    }
  }
  if (slack_found && result.critical_ns > 0) result.fmax_mhz = 1000 / result.critical_ns;
  if (!slack_found && text.find("No paths found") == std::string::npos) {
    return Error{ErrorCode::kInternal, "sta", "reported no path", "with -o FOLDER the tools' logs are kept there"};
  }
  return ok_status();
}

}  // namespace systole::rtl
