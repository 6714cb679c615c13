#include "cli/command.h"

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <thread>

namespace systole::cli {

namespace fs = std::filesystem;

int Context::thread_count() const {
  return threads > 0 ? threads : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

void Context::fail(const Error& error) {
  exit = exit_status(error.code);
  Error shown = error;
  if (shown.hint.empty()) shown.hint = error.code == ErrorCode::kInternal ? "this is a bug in systole" : "`systole COMMAND --help` explains the arguments";
  std::fprintf(stderr, "systole: %s\n", shown.text().c_str());
}

void Context::show(const nlohmann::ordered_json& json_value, const std::string& text) const {
  // A model's names may hold bytes that are no UTF-8; they are replaced rather than refused.
  if (json) std::printf("%s\n", json_value.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace).c_str());
  else std::printf("%s", text.c_str());
}

void Context::note(const std::string& text) const {
  if (!quiet) std::fprintf(stderr, "%s\n", text.c_str());
}

CLI::App* add_command(CLI::App& app, Context& context, const std::string& name, const std::string& help, std::function<Status()> body) {
  CLI::App* const command = app.add_subcommand(name, help);
  command->add_flag("--json", context.json, "one JSON object on standard output");
  command->add_flag("--quiet", context.quiet, "no progress and no notes on standard error");
  command->add_option("--seed", context.seed, "of everything random")->capture_default_str();
  command->add_option("--threads", context.threads, "of the host; 0: all its cores")->check(CLI::Range(0, 1024));
  command->callback([&context, body = std::move(body)] {
    if (auto status = body(); !status.ok()) context.fail(status.error());
  });
  return command;
}

namespace {

Status check_folder(const std::string& place, const fs::path& folder) {
  std::error_code code;
  if (!fs::is_directory(folder, code)) return invalid_input(place, "there is no folder '" + folder.string() + "'", "make it first");
  if (::access(folder.c_str(), W_OK) != 0) return invalid_input(place, "the folder '" + folder.string() + "' cannot be written to", "choose another");
  return ok_status();
}

}  // namespace

Status check_output_file(const std::string& option, const std::string& path) {
  const std::string place = option + " " + path;
  std::error_code code;
  if (path.empty()) return invalid_input(option, "the name is empty", "name a file");
  if (fs::is_directory(path, code)) return invalid_input(place, "is a folder", "name a file");
  const fs::path folder = fs::path(path).parent_path();
  return check_folder(place, folder.empty() ? fs::path(".") : folder);
}

Status check_output_folder(const std::string& option, const std::string& path) {
  const std::string place = option + " " + path;
  std::error_code code;
  if (path.empty()) return invalid_input(option, "the name is empty", "name a folder");
  fs::path folder = path;
  while (!folder.empty() && !fs::exists(folder, code)) {
    if (!folder.has_parent_path() || folder.parent_path() == folder) break;
    folder = folder.parent_path();
  }
  if (!fs::exists(folder, code)) folder = ".";
  if (!fs::is_directory(folder, code)) return invalid_input(place, "'" + folder.string() + "' is a file", "name a folder");
  return check_folder(place, folder);
}

}  // namespace systole::cli
