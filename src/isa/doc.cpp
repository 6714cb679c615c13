#include "isa/doc.h"

#include <fmt/format.h>

#include "isa/table.h"
#include "numeric/microcode.h"

namespace systole::isa {
namespace {

constexpr std::string_view kIntroduction = R"(<!-- Made by systole_isa_doc from src/isa/instruction.h. Do not edit: build the target systole_isa_doc and run it. -->
# The instruction set

An instruction is a word of 256 bits. What each one does and how long it takes: [machine.md](machine.md). The encoder, the decoder,
the assembler, the disassembler, the RTL's decode package and this page are made from one table, `src/isa/instruction.h`.

The simplest accelerator that multiplies matrices needs four of these instructions: **load** (bring operands into the on-chip memory),
**multiply-accumulate** (here `matmul`, fed with weights by `push`), **store** (take results out) and **pad** (say what stands
outside a matrix's edges). The rest moves less, loops, orders, or computes on vectors.

## The word

| bits | meaning |
|---|---|
| 7:0 | opcode |
| 11:8 | unit |
| 27:12 | wait mask: bit u takes one token that unit u has given to this unit, before the instruction issues |
| 43:28 | signal mask: bit u gives one token to unit u when the instruction ends |
| 255:44 | the fields in the order of the tables below; unused bits are zero |

A word with an unknown opcode or with an unused bit set does not decode. In a file a word is 32 bytes, least significant first.
A field X with a companion X_strides is an address: its effective value is X + the sum over the open loops of (index x stride of that loop's
level in the set), modulo 2 to the width of X, formed when the word is fetched.

)";

constexpr std::string_view kText = R"(
## Text

`systole disasm` writes a program as text and the assembler reads it back, constants included. One statement a line; a comment begins
with `;`. Numbers are decimal or `0x` hexadecimal, texts stand in double quotes with the escapes `\"`, `\\` and `\xNN`.

| statement | meaning |
|---|---|
| `chip "NAME" fingerprint=N format="F"` | the chip that the program is for |
| `memory hbm=N cmem=N vmem=N` | bytes used |
| `host_operator "NAME"` | an operator left to the host |
| `input "NAME" type=T shape=1x3 space=hbm address=N`, `output ...` | a tensor in far memory; `shape=scalar` for rank 0 |
| `layer N "NAME" kind="K" macs=N` | one kernel of the model, numbered from 0 |
| `micro fadd r2, r0, r1` | the next micro-operation; after a `\|` stand values of fields that the operation does not use |
| `core N` | the instructions that follow are core N's; `layers=none`: they carry no layer numbers |
| `mxu0: matmul source=0x100 length=8 columns=8 wait=push0,dma0 signal=vpu layer=3` | an instruction in a unit's queue; a field that is left out has its initial value |
| `image space=hbm address=N bytes=N`, then `data 00ff...` lines | bytes that stand in far memory before the run |

Units: `scalar`, `vpu`, `dma0` .. `dma3`, `push0` .. `push3`, `mxu0` .. `mxu3`. Types are named (`i8`, `bf16`), and so are memories (`hbm`,
`cmem`, `vmem`, `accumulators`).

    chip "systolic-4" format="i8"
    core 0
      dma0: load far=0x0 local=0x0 bytes=32 signal=push0,mxu0
      push0: push weights=0x10 pitch=4 rows=4 columns=4 type=i8 format=i8 wait=dma0 signal=mxu0
      mxu0: pad step_pitch=4 type=i8
      mxu0: matmul source=0x0 out_columns=4 length=4 columns=4 format=i8 wait=dma0,push0 signal=dma0
      dma0: store far=0x40 local_space=accumulators local=0x0 bytes=16 rows=4 pitch=16 wait=mxu0
      scalar: halt

## Program file

All numbers are little endian. The file is the 8 bytes `89 53 59 53 54 4f 4c 0a`, a version (u32, now 1), and seven sections in this order: header,
code, microcode, images, inputs, outputs, layers. A section is its identifier (u32, 1 for the header, then ascending), the CRC-32 of identifier, length and
content (u32), the length of the content (u64), and the content. A reader refuses a file in which any of these is off, naming the section.
Lists and texts begin with a u64 count.

| section | content |
|---|---|
| header | chip name, fingerprint (u64), format, bytes used of HBM, CMEM and VMEM (i64 each), list of host operators |
| code | list of cores: list of words, list of layer numbers (u16) |
| microcode | list of: operation, d, a, b, c, slot, immediate's operand (u8 each), immediate (u32) |
| images | list of: space (u8), address (i64), bytes |
| inputs, outputs | list of: name, type (u8), list of sizes (i64), space (u8), address (i64) |
| layers | list of: name, kind, multiply-accumulates (i64) |

## How to add an instruction

1. Add a struct with `kName`, `kDoc` and `fields` to `src/isa/instruction.h`, at the end of `Body` (an opcode is a position in that list).
2. Name its queue in `src/isa/table.cpp` and its ranges in `src/isa/check_instruction.cpp`; if it addresses memory, add it to `src/isa/check_access.cpp`.
3. State what it does and its time in machine.md; implement it in `src/timing`, the engines and the RTL.
4. Run `systole_isa_doc docs/isa.md`.
)";

std::string_view queue_name(UnitClass unit) {
  switch (unit) {
    case UnitClass::kAny: return "any unit";
    case UnitClass::kScalar: return "scalar";
    case UnitClass::kVector: return "vpu";
    case UnitClass::kDma: return "dma";
    case UnitClass::kPush: return "push";
    case UnitClass::kMatrix: return "mxu";
  }
  return "";
}

std::string bits_text(int offset, int bits) {
  return bits == 1 ? fmt::format("{}", offset) : fmt::format("{}:{}", offset + bits - 1, offset);
}

std::string initial_text(const FieldInfo& field) {
  return field.kind == FieldKind::kSpace ? std::string(space_name(field.initial)) : fmt::format("{}", field.initial);
}

std::string section(const OpcodeInfo& row) {
  std::string text = fmt::format("### {} (opcode {}, {})\n\n{}\n\n", row.name, row.opcode, queue_name(row.unit), row.doc);
  if (row.fields.empty()) return text;
  text += "| field | bits | width | initial | meaning |\n|---|---|---|---|---|\n";
  for (const FieldInfo& field : row.fields) {
    text += fmt::format("| {} | {} | {}{} | {} | {} |\n", field.name, bits_text(field.offset, field.bits), field.is_signed ? "s" : "u", field.bits,
                        initial_text(field), field.doc);
  }
  return text + "\n";
}

std::string units_table() {
  std::string text = "## Units\n\n| number | name |\n|---|---|\n";
  for (int unit = 0; unit < push_unit(kMaxArrays); ++unit) text += fmt::format("| {} | {} |\n", unit, unit_name(unit));
  return text + "\n";
}

std::string types_table() {
  std::string text = "## Element types\n\n| number | name | bytes |\n|---|---|---|\n";
  for (int type = 0; type < kDTypes; ++type) {
    text += fmt::format("| {} | {} | {} |\n", type, dtype_name(static_cast<DType>(type)), dtype_bytes(static_cast<DType>(type)));
  }
  return text + "\n";
}

std::string micro_table() {
  std::string text = "## Micro-operations\n\nWhat they compute: `src/numeric/microcode.h`.\n\n| number | name | operands |\n|---|---|---|\n";
  for (int op = 0; op < static_cast<int>(MicroOpcode::kCount); ++op) {
    text += fmt::format("| {} | {} | {} |\n", op, micro_opcode_name(static_cast<MicroOpcode>(op)), micro_operand_count(static_cast<MicroOpcode>(op)));
  }
  return text;
}

}  // namespace

std::string isa_document() {
  std::string text{kIntroduction};
  text += units_table() + types_table();
  text += "## Instructions\n\nWidths: u unsigned, s two's complement.\n\n";
  for (const OpcodeInfo& row : instruction_table()) text += section(row);
  text += micro_table();
  text += kText;
  return text;
}

}  // namespace systole::isa
