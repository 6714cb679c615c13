// Bad chip files: each names the file, the field, what is wrong and what would help.
#include <gtest/gtest.h>

#include "chip/chip.h"

namespace systole {
namespace {

const std::string kGood =
    "name: c\n"
    "clock_hz: 100 MHz\n"
    "mxu:\n"
    "  rows: 4\n"
    "  columns: 4\n"
    "  formats: [i8, bf16]\n"
    "  accumulator_rows: 64\n"
    "vpu:\n"
    "  lanes: 4\n"
    "  sublanes: 1\n"
    "vmem_bytes: 64 KiB\n"
    "hbm:\n"
    "  capacity_bytes: 1 MiB\n"
    "  bandwidth: {bytes: 4, cycles: 1}\n"
    "default_format: i8\n";

// The good file with one text replaced by another.
std::string with(const std::string& from, const std::string& to) {
  std::string text = kGood;
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

struct Case {
  std::string from, to, place, message, hint;
};

const Case kCases[] = {
    {"  rows: 4", "  row: 4", "mxu.rows", "is missing", "required"},
    {"vmem_bytes", "vmem_byte", "vmem_bytes", "is missing", "required"},
    {"vpu:\n", "vpu:\n  lane: 4\n", "vpu.lane", "unknown field", "did you mean 'lanes'?"},
    {"name: c\n", "name: c\nclok_hz: 5\n", "clok_hz", "unknown field", "did you mean 'clock_hz'?"},
    {"name: c\n", "name: c\nzzzzzzzzzzzz: 5\n", "zzzzzzzzzzzz", "unknown field", "one of name, description"},
    {"name: c", "name: \"\"", "name", "is empty", ""},
    {"name: c", "name: [c]", "name", "must be a single value, is a list", ""},
    {"rows: 4", "rows: four", "mxu.rows", "'four' is not a whole number", "1 .. 512"},
    {"rows: 4", "rows: 4.5", "mxu.rows", "'4.5' is not a whole number", "1 .. 512"},
    {"rows: 4", "rows: 0", "mxu.rows", "0 is out of range", "1 .. 512"},
    {"rows: 4", "rows: 513", "mxu.rows", "513 is out of range", "1 .. 512"},
    {"rows: 4", "rows: -4", "mxu.rows", "-4 is out of range", "1 .. 512"},
    {"rows: 4", "rows: 99999999999999999999", "mxu.rows", "is not a whole number", ""},
    {"rows: 4", "rows: [4]", "mxu.rows", "must be a single value, is a list", ""},
    {"rows: 4", "rows: {value: 4}", "mxu.rows.source", "is missing", "required"},
    {"rows: 4", "rows: {value: 4, source: \"\"}", "mxu.rows.source", "is empty", "where the number comes from"},
    {"rows: 4", "rows: {value: 4, source: a, page: 3}", "mxu.rows.page", "unknown field", "one of value, source"},
    {"rows: 4", "rows: 4\n  rows: 5", "mxu.rows", "is given twice", "line 5"},
    {"[i8, bf16]", "[]", "mxu.formats", "must be a list with at least one format", "[i8, u8, bf16]"},
    {"[i8, bf16]", "i8", "mxu.formats", "must be a list", ""},
    {"[i8, bf16]", "[i8, i8]", "mxu.formats", "'i8' is given twice", ""},
    {"[i8, bf16]", "[i8, int9]", "mxu.formats", "unknown element type 'int9'", "i8"},
    {"[i8, bf16]", "[i8, i64]", "mxu.formats", "no matrix unit multiplies i64", "bf16"},
    {"[i8, bf16]", "[i8, q4.12, q8.8]", "mxu.formats", "one fixed-point format, not q4.12 and q8.8", "keep one"},
    {"[i8, bf16]", "[i8, q4.13]", "mxu.formats", "unknown element type 'q4.13'", "q1.15 to q15.1"},
    {"name: c\n", "name: c\nmachine: tinytpu\n", "default_format", "does not compute in i8", "q8.8"},
    {"default_format: i8", "default_format: f16", "default_format", "mxu.formats has no f16", "choose one of mxu.formats"},
    {"clock_hz: 100 MHz", "clock_hz: 100 MHZ", "clock_hz", "'100 MHZ' is not a frequency", "700 MHz"},
    {"clock_hz: 100 MHz", "clock_hz: nan", "clock_hz", "'nan' is not a frequency", ""},
    {"clock_hz: 100 MHz", "clock_hz: 1 Hz", "clock_hz", "is out of range", "1 kHz .. 100 GHz"},
    {"vmem_bytes: 64 KiB", "vmem_bytes: 64 KB", "vmem_bytes", "'64 KB' is not a size", "KiB"},
    {"vmem_bytes: 64 KiB", "vmem_bytes: 8 GiB", "vmem_bytes", "8 GiB is out of range", "4294967296 bytes"},
    {"vmem_bytes: 64 KiB", "vmem_bytes: 100", "vmem_bytes", "100 is not a multiple of 64", ""},
    {"vmem_bytes: 64 KiB", "vmem_bytes: 9223372036854775807 GiB", "vmem_bytes", "is out of range", ""},
    {"hbm:\n  capacity_bytes: 1 MiB\n  bandwidth: {bytes: 4, cycles: 1}\n", "", "hbm", "is missing", "capacity_bytes"},
    {"{bytes: 4, cycles: 1}", "fast", "hbm.bandwidth", "'fast' is not a bandwidth", "free, {bytes: 340, cycles: 7}"},
    {"{bytes: 4, cycles: 1}", "{bytes: 4, cycles: 0}", "hbm.bandwidth.cycles", "0 is out of range", ""},
    {"{bytes: 4, cycles: 1}", "{bytes: 4, cycle: 1}", "hbm.bandwidth.cycle", "unknown field", "did you mean 'cycles'?"},
    {"{bytes: 4, cycles: 1}", "{bytes: 1000000007, cycles: 998244353}", "hbm.bandwidth", "the reduced fraction 1000000007/998244353 is too fine", "1000000000"},
    {"vpu:\n  lanes: 4\n  sublanes: 1\n", "vpu: none\n", "vpu", "must be a map of fields, is 'none'", ""},
    {"name: c\n", "name: c\nmachine: gpu\n", "machine", "unknown value 'gpu'", "one of generic, tinytpu"},
    {"name: c\n", "name: c\nrequant: fix\n", "requant", "unknown value 'fix'", "did you mean 'fixed'?"},
    {"name: c\n", "name: c\nmxu_sources: 1\nsources: {mxu.rwos: x}\n", "sources.mxu.rwos", "no number has this name", "mxu.rows"},
    {"name: c\n", "name: c\ntiming: {control_cycles: 2}\n", "timing.control_cycles", "2 is out of range", "0 .. 1"},
    {"  formats: [i8, bf16]\n", "  formats: [i8, bf16]\n  weight_double_buffer: maybe\n", "mxu.weight_double_buffer", "'maybe' is not a truth value", "true or false"},
};

TEST(BadChip, TheGoodFileReads) {
  const auto chip = parse_chip(kGood, "chip.yaml");
  ASSERT_TRUE(chip.ok()) << chip.error().text();
  EXPECT_EQ(chip->vmem_bytes, 65536);
  EXPECT_DOUBLE_EQ(chip->clock.value(), 100e6);
}

TEST(BadChip, EachNamesFileFieldAndHint) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.to);
    const auto chip = parse_chip(with(c.from, c.to), "dir/chip.yaml");
    ASSERT_FALSE(chip.ok());
    EXPECT_EQ(chip.error().code, ErrorCode::kInvalidInput);
    EXPECT_EQ(chip.error().place, "dir/chip.yaml: " + c.place) << chip.error().text();
    EXPECT_NE(chip.error().message.find(c.message), std::string::npos) << chip.error().text();
    EXPECT_NE(chip.error().hint.find(c.hint), std::string::npos) << chip.error().text();
  }
}

TEST(BadChip, WhatIsNotYamlHasLineAndColumn) {
  const auto chip = parse_chip("name: c\nmxu: [1, 2\n", "chip.yaml");
  ASSERT_FALSE(chip.ok());
  EXPECT_TRUE(chip.error().place.starts_with("chip.yaml:")) << chip.error().text();
  EXPECT_NE(chip.error().message.find("is not YAML"), std::string::npos);
  for (const char* text : {"", "- a\n- b\n", "words", "[[[[[[[[", "\x01\x02", "a: *b\n", "? {a: b}\n: c\n"}) EXPECT_FALSE(parse_chip(text, "c").ok()) << text;
  EXPECT_FALSE(parse_chip(std::string(2 << 20, ' '), "c").ok());
  EXPECT_FALSE(parse_chip(std::string(100000, '['), "c").ok());
  EXPECT_FALSE(parse_chip("{1: 2}", "c").ok());
  EXPECT_FALSE(parse_chip("{[1]: 2}", "c").ok());
}

TEST(Chip, BandwidthIsAReducedFraction) {
  const auto chip = parse_chip(with("{bytes: 4, cycles: 1}", "{bytes_per_second: 250000000}"), "c");
  ASSERT_TRUE(chip.ok()) << chip.error().text();
  EXPECT_EQ(chip->hbm.bandwidth.bytes, 5);
  EXPECT_EQ(chip->hbm.bandwidth.cycles, 2);
}

TEST(Chip, SourcesComeFromTheNearestPlace) {
  const auto chip = parse_chip(with("rows: 4", "rows: {value: 4, source: own}") + "timing: {queue_depth: 8}\nsources: {mxu: section, mxu.columns: field, default: rest}\n", "c");
  ASSERT_TRUE(chip.ok()) << chip.error().text();
  EXPECT_EQ(chip->sources.at("mxu.rows"), "own");
  EXPECT_EQ(chip->sources.at("mxu.columns"), "field");
  EXPECT_EQ(chip->sources.at("mxu.accumulator_rows"), "section");
  EXPECT_EQ(chip->sources.at("vpu.lanes"), "rest");
  EXPECT_EQ(chip->sources.at("timing.queue_depth"), "rest");
  EXPECT_TRUE(chip->sources.at("timing.vector_latency").starts_with("default of the chip format"));
}

TEST(Chip, KnowsOneFixedPointFormat) {
  for (int n = 1; n <= 15; ++n) {
    const auto name = std::string(dtype_name(fixed_type(n)));
    const auto chip = parse_chip(with("[i8, bf16]", "[i8, " + name + ", bf16]"), "c");
    ASSERT_TRUE(chip.ok()) << chip.error().text();
    for (int m = 1; m <= 15; ++m) EXPECT_EQ(chip->knows(fixed_type(m)), m == n) << name;
    EXPECT_TRUE(chip->knows(DType::kF32) && chip->multiplies(fixed_type(n)));
  }
  const auto without = parse_chip(kGood, "c");
  EXPECT_TRUE(without->knows(DType::kQ8_8) && !without->multiplies(DType::kQ8_8) && !without->knows(DType::kQ4_12));
}

TEST(Chip, FingerprintSeesCyclesAndBitsOnly) {
  const auto print = [](const std::string& text) { return parse_chip(text, "c").value().fingerprint(); };
  EXPECT_EQ(print(kGood), print(with("name: c", "name: d\ndescription: other")));
  EXPECT_EQ(print(kGood), print(with("rows: 4", "rows: {value: 4, source: x}")));
  for (const auto& [from, to] : {std::pair{"rows: 4", "rows: 5"}, {"columns: 4", "columns: 5"}, {"lanes: 4", "lanes: 5"}, {"sublanes: 1", "sublanes: 2"},
                                 {"64 KiB", "128 KiB"}, {"1 MiB", "2 MiB"}, {"bytes: 4", "bytes: 5"}, {"cycles: 1", "cycles: 3"},
                                 {"[i8, bf16]", "[i8]"}, {"default_format: i8", "default_format: bf16"}, {"name: c", "name: c\nrequant: fixed"},
                                 {"name: c", "name: c\ntiming: {feeder_latency: 2}"}, {"name: c", "name: c\ncores: 2"}}) {
    EXPECT_NE(print(kGood), print(with(from, to))) << to;
  }
}

TEST(Chip, PeakOfFp32ByPartsIsASixth) {
  const auto chip = parse_chip(with("default_format: i8", "default_format: f32"), "c");
  ASSERT_TRUE(chip.ok()) << chip.error().text();
  EXPECT_DOUBLE_EQ(chip->peak_macs_per_second(), 16 * 100e6 / 6);
}

}  // namespace
}  // namespace systole
