#include "runtime/cache.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <filesystem>

#include "base/file.h"
#include "isa/limits.h"

namespace systole::runtime {
namespace {

// FNV-1a of 128 bits over items with their lengths, so that two lists never run together.
class Key {
 public:
  void add(std::string_view bytes) {
    add(bytes.size());
    for (const char c : bytes) step(static_cast<unsigned char>(c));
  }
  void add(std::uint64_t value) {
    for (int i = 0; i < 8; ++i) step(static_cast<std::uint8_t>(value >> (8 * i)));
  }
  void add(const Shape& shape) {
    add(shape.size());
    for (const std::int64_t size : shape) add(static_cast<std::uint64_t>(size));
  }
  std::string hex() const { return fmt::format("{:016x}{:016x}", static_cast<std::uint64_t>(state_ >> 64), static_cast<std::uint64_t>(state_)); }

 private:
  __extension__ typedef unsigned __int128 Word;
  void step(std::uint8_t byte) {
    constexpr Word kPrime = (Word{1} << 88) + 0x13B;
    state_ = (state_ ^ byte) * kPrime;
  }
  Word state_ = (Word{0x6C62272E07BB0142ull} << 64) + 0x62B821756295C58Dull;
};

void add_options(Key& key, const compile::Options& o) {
  key.add(static_cast<std::uint64_t>(o.format));
  for (const bool flag : {o.bf16x3, o.fuse, o.double_buffer, o.roll_loops}) key.add(flag ? 1u : 0u);
  key.add(static_cast<std::uint64_t>(o.tile_limit));
  key.add(o.disabled_passes.size());
  for (const std::string& pass : o.disabled_passes) key.add(pass);
}

}  // namespace

std::string default_cache_folder() {
  const passwd* const user = ::getpwuid(::getuid());
  return user && user->pw_dir ? std::string(user->pw_dir) + "/.cache/systole" : std::string();
}

std::string cache_name(const ModelHash& model, const Chip& chip, const LoadOptions& options) {
  Key key;
  key.add(compiler_version());
  for (const std::uint64_t word : model) key.add(word);
  key.add(chip.fingerprint());
  key.add(chip.name);                       // stands in the program, for messages
  add_options(key, options.compile);
  key.add(static_cast<std::uint64_t>(options.batch));
  key.add(options.shapes.size());
  for (const auto& [name, shape] : options.shapes) key.add(name), key.add(shape);
  key.add(options.fixed_inputs.size());
  for (const auto& [name, value] : options.fixed_inputs) {
    key.add(name);
    key.add(static_cast<std::uint64_t>(value.type()));
    key.add(value.shape());
    key.add(std::string_view(reinterpret_cast<const char*>(value.raw()), static_cast<std::size_t>(value.bytes())));
  }
  return key.hex() + ".systole";
}

std::optional<isa::Program> read_cache(const std::string& folder, const std::string& name, const Chip& chip) {
  if (folder.empty()) return std::nullopt;
  const auto bytes = read_file(folder + "/" + name);
  if (!bytes.ok()) return std::nullopt;
  auto program = isa::parse_program(*bytes, name);
  const bool usable = program.ok() && program->fingerprint == chip.fingerprint() && isa::check_program(*program, isa::limits(chip)).ok();
  if (!usable) return std::nullopt;
  return *std::move(program);
}

void write_cache(const std::string& folder, const std::string& name, const isa::Program& program) {
  if (folder.empty()) return;
  std::error_code code;
  std::filesystem::create_directories(folder, code);
  if (!code) (void)write_file(folder + "/" + name, isa::serialize(program));
}

}  // namespace systole::runtime
