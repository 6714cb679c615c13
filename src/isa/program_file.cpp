// The program file (docs/isa.md): magic, version, then the sections in a fixed order, each
//   u32 identifier, u32 CRC-32 of identifier, length and content, u64 length, content.
// All numbers little endian. A flipped bit changes the magic, the version, an identifier, or fails a CRC.
#include <fmt/format.h>
#include <zlib.h>

#include <array>
#include <cstring>

#include "isa/byte_stream.h"
#include "isa/check_parts.h"
#include "isa/program.h"
#include "isa/table.h"

namespace systole::isa {
namespace {

constexpr std::array<std::uint8_t, 8> kMagic = {0x89, 'S', 'Y', 'S', 'T', 'O', 'L', '\n'};
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kWordBytes = kWordBits / 8;

std::uint32_t checksum(std::uint32_t identifier, std::span<const std::uint8_t> content) {
  ByteWriter head;
  head.put<std::uint32_t>(identifier);
  head.put<std::uint64_t>(content.size());
  const uLong crc = crc32_z(0, head.bytes().data(), head.bytes().size());
  return static_cast<std::uint32_t>(crc32_z(crc, content.data(), content.size()));
}

void write_header(const Program& p, ByteWriter& out) {
  out.put_text(p.chip);
  out.put<std::uint64_t>(p.fingerprint);
  out.put_text(p.format);
  for (const std::int64_t bytes : {p.hbm_bytes, p.cmem_bytes, p.vmem_bytes}) out.put<std::int64_t>(bytes);
  out.put<std::uint64_t>(p.host_operators.size());
  for (const std::string& name : p.host_operators) out.put_text(name);
}
void read_header(ByteReader& in, Program& p) {
  p.chip = in.get_text();
  p.fingerprint = in.get<std::uint64_t>();
  p.format = in.get_text();
  for (std::int64_t* bytes : {&p.hbm_bytes, &p.cmem_bytes, &p.vmem_bytes}) *bytes = in.get<std::int64_t>();
  p.host_operators.resize(in.get_count(8));
  for (std::string& name : p.host_operators) name = in.get_text();
}

void write_code(const Program& p, ByteWriter& out) {
  out.put<std::uint64_t>(p.cores.size());
  for (const CoreCode& core : p.cores) {
    out.put<std::uint64_t>(core.code.size());
    for (const Instruction& instruction : core.code) {
      for (const std::uint64_t element : encode(instruction)) out.put<std::uint64_t>(element);
    }
    out.put<std::uint64_t>(core.layer.size());
    for (const std::uint16_t layer : core.layer) out.put<std::uint16_t>(layer);
  }
}
Status read_code(ByteReader& in, Program& p) {
  p.cores.resize(in.get_count(16));
  for (std::size_t c = 0; c < p.cores.size(); ++c) {
    CoreCode& core = p.cores[c];
    const std::size_t words = in.get_count(kWordBytes);
    core.code.reserve(words);
    for (std::size_t i = 0; i < words; ++i) {
      Word word;
      for (std::uint64_t& element : word) element = in.get<std::uint64_t>();
      auto instruction = decode(word);
      if (!instruction.ok()) {
        Error error = instruction.error();
        error.place = fmt::format("core {}, instruction {}", c, i);
        return error;
      }
      core.code.push_back(*instruction);
    }
    core.layer.resize(in.get_count(2));
    for (std::uint16_t& layer : core.layer) layer = in.get<std::uint16_t>();
  }
  return ok_status();
}

constexpr std::size_t kMicroOpBytes = 11;
void write_microcode(const Program& p, ByteWriter& out) {
  out.put<std::uint64_t>(p.microcode.size());
  for (const MicroOp& op : p.microcode) {
    out.put<std::uint8_t>(static_cast<std::uint8_t>(op.op));
    for (const std::uint8_t byte : {op.d, op.a, op.b, op.c, op.slot, static_cast<std::uint8_t>(op.imm_operand)}) out.put<std::uint8_t>(byte);
    out.put<std::uint32_t>(op.imm);
  }
}
void read_microcode(ByteReader& in, Program& p) {
  p.microcode.resize(in.get_count(kMicroOpBytes));
  for (MicroOp& op : p.microcode) {
    op.op = static_cast<MicroOpcode>(in.get<std::uint8_t>());
    for (std::uint8_t* byte : {&op.d, &op.a, &op.b, &op.c, &op.slot}) *byte = in.get<std::uint8_t>();
    op.imm_operand = static_cast<MicroOp::Imm>(in.get<std::uint8_t>());
    op.imm = in.get<std::uint32_t>();
  }
}

void write_images(const Program& p, ByteWriter& out) {
  out.put<std::uint64_t>(p.images.size());
  for (const Image& image : p.images) {
    out.put<std::uint8_t>(static_cast<std::uint8_t>(image.space));
    out.put<std::int64_t>(image.address);
    const auto bytes = static_cast<std::size_t>(image.bytes.bytes());
    out.put<std::uint64_t>(bytes);
    out.put_bytes({image.bytes.raw(), bytes});
  }
}
void read_images(ByteReader& in, Program& p) {
  p.images.resize(in.get_count(17));
  for (Image& image : p.images) {
    image.space = static_cast<Space>(in.get<std::uint8_t>());
    image.address = in.get<std::int64_t>();
    const auto bytes = in.get_bytes(in.get<std::uint64_t>());
    image.bytes = Tensor(DType::kU8, {static_cast<std::int64_t>(bytes.size())});
    if (!bytes.empty()) std::memcpy(image.bytes.mutable_raw(), bytes.data(), bytes.size());
  }
}

void write_bindings(const std::vector<Binding>& bindings, ByteWriter& out) {
  out.put<std::uint64_t>(bindings.size());
  for (const Binding& b : bindings) {
    out.put_text(b.name);
    out.put<std::uint8_t>(static_cast<std::uint8_t>(b.type));
    out.put<std::uint64_t>(b.shape.size());
    for (const std::int64_t size : b.shape) out.put<std::int64_t>(size);
    out.put<std::uint8_t>(static_cast<std::uint8_t>(b.space));
    out.put<std::int64_t>(b.address);
  }
}
void read_bindings(ByteReader& in, std::vector<Binding>& bindings) {
  bindings.resize(in.get_count(26));
  for (Binding& b : bindings) {
    b.name = in.get_text();
    b.type = static_cast<DType>(in.get<std::uint8_t>());
    b.shape.resize(in.get_count(8));
    for (std::int64_t& size : b.shape) size = in.get<std::int64_t>();
    b.space = static_cast<Space>(in.get<std::uint8_t>());
    b.address = in.get<std::int64_t>();
  }
}

void write_layers(const Program& p, ByteWriter& out) {
  out.put<std::uint64_t>(p.layers.size());
  for (const Layer& layer : p.layers) {
    out.put_text(layer.name);
    out.put_text(layer.kind);
    out.put<std::int64_t>(layer.macs);
  }
}
void read_layers(ByteReader& in, Program& p) {
  p.layers.resize(in.get_count(24));
  for (Layer& layer : p.layers) {
    layer.name = in.get_text();
    layer.kind = in.get_text();
    layer.macs = in.get<std::int64_t>();
  }
}

struct Section {
  const char* name;
  void (*write)(const Program&, ByteWriter&);
  Status (*read)(ByteReader&, Program&);
};
template <void (*Read)(ByteReader&, Program&)>
Status plain(ByteReader& in, Program& p) {
  Read(in, p);
  return ok_status();
}
constexpr Section kSections[] = {
    {"header", write_header, plain<read_header>},
    {"code", write_code, read_code},
    {"microcode", write_microcode, plain<read_microcode>},
    {"images", write_images, plain<read_images>},
    {"inputs", [](const Program& p, ByteWriter& out) { write_bindings(p.inputs, out); },
     [](ByteReader& in, Program& p) { read_bindings(in, p.inputs); return ok_status(); }},
    {"outputs", [](const Program& p, ByteWriter& out) { write_bindings(p.outputs, out); },
     [](ByteReader& in, Program& p) { read_bindings(in, p.outputs); return ok_status(); }},
    {"layers", write_layers, plain<read_layers>},
};

constexpr const char* kDamaged = "the file is damaged; compile the model again";

Status read_section(const Section& section, std::uint32_t identifier, ByteReader& file, Program& program, const std::string& place) {
  const std::string where = fmt::format("{}: section '{}'", place, section.name);
  const auto found = file.get<std::uint32_t>();
  const auto crc = file.get<std::uint32_t>();
  const auto length = file.get<std::uint64_t>();
  if (!file.ok()) return invalid_input(where, "the file ends before it", kDamaged);
  if (found != identifier) return invalid_input(where, fmt::format("has identifier {}, expected {}", found, identifier), kDamaged);
  if (length > file.left()) {
    return invalid_input(where, fmt::format("says {} bytes, the file has {} more", length, file.left()), kDamaged);
  }
  const auto content = file.get_bytes(length);
  if (checksum(identifier, content) != crc) return invalid_input(where, "the checksum does not match", kDamaged);
  ByteReader in(content);
  if (auto status = section.read(in, program); !status.ok()) {
    Error error = status.error();
    error.place = where + ": " + error.place;
    return error;
  }
  if (!in.ok()) return invalid_input(where, "a list is longer than the section");
  if (in.left() != 0) return invalid_input(where, fmt::format("{} bytes too many", in.left()));
  return ok_status();
}

}  // namespace

std::vector<std::uint8_t> serialize(const Program& program) {
  ByteWriter out;
  out.put_bytes(kMagic);
  out.put<std::uint32_t>(kVersion);
  std::uint32_t identifier = 1;
  for (const Section& section : kSections) {
    ByteWriter content;
    section.write(program, content);
    out.put<std::uint32_t>(identifier);
    out.put<std::uint32_t>(checksum(identifier, content.bytes()));
    out.put<std::uint64_t>(content.bytes().size());
    out.put_bytes(content.bytes());
    ++identifier;
  }
  return out.take();
}

Expected<Program> parse_program(std::span<const std::uint8_t> bytes, const std::string& place) {
  ByteReader file(bytes);
  const auto magic = file.get_bytes(kMagic.size());
  if (!file.ok() || !std::equal(magic.begin(), magic.end(), kMagic.begin())) {
    return invalid_input(place + ": section 'magic'", "is not a Systole program file", "programs are written by 'systole compile' or 'systole assemble'");
  }
  const auto version = file.get<std::uint32_t>();
  if (!file.ok() || version != kVersion) {
    return invalid_input(place + ": section 'version'", fmt::format("version {} is not understood", version), fmt::format("this build reads version {}", kVersion));
  }
  Program program;
  std::uint32_t identifier = 1;
  for (const Section& section : kSections) SYSTOLE_TRY(read_section(section, identifier++, file, program, place));
  if (file.left() != 0) return invalid_input(place, fmt::format("{} bytes follow the last section", file.left()), kDamaged);
  SYSTOLE_TRY(check_parts(program, place));
  return program;
}

}  // namespace systole::isa
