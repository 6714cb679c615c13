// Bad input: exit status 2, nothing on standard output, a last line on standard error that says where and what would help, and no
// file that was not there before.
#include <regex>

#include "program.h"

namespace systole::test {
namespace {

struct Case {
  const char* arguments;
  const char* place;      // stands in the message
  const char* words;      // so does this
};

const Case kCases[] = {
    // the command line itself
    {"", "command line", "subcommand"},
    {"fly", "command line", "'fly' is no command"},
    {"gem 4 4 4 --chip tpu-v4", "command line", "did you mean 'gemm'"},
    {"chips --no-such-flag", "command line", "--no-such-flag"},
    {"chips tpu-v4 tpu-v1", "command line", "tpu-v1"},
    {"run --chip tpu-v4", "command line", "model"},
    {"run @dense.onnx", "command line", "--chip"},
    {"gemm 4 4 --chip tpu-v4", "command line", "n is required"},
    {"gemm 4 four 4 --chip tpu-v4", "command line", "four"},
    {"gemm 4 4 4 --chip tpu-v4 --seed minus", "command line", "minus"},
    {"gemm 4 4 4 --chip tpu-v4 --threads -3", "command line", "-3"},
    {"run @dense.onnx --chip tpu-v4 --batch 0", "command line", "--batch"},
    {"compile @dense.onnx --chip tpu-v4 --batch 1", "command line", "--out"},
    {"exec", "command line", "program"},
    {"rtl --chip systolic-4", "command line", "--out"},
    {"rtl-check --chip systolic-4 --programs 0", "command line", "--programs"},
    // chips
    {"chips tpu-v5", "tpu-v5", "did you mean"},
    {"chips @none.yaml", "none.yaml", "cannot open"},
    {"chips @bad.yaml", "bad.yaml: clock_hz", "missing"},
    {"chips @folder.yaml", "folder.yaml", "folder"},
    {"run @dense.onnx --chip tpu-v5 --batch 1", "tpu-v5", "did you mean"},
    {"run @dense.onnx --chip tinytpu --batch 1 --no-cache", "chip tinytpu", "systolic-2-q88"},
    {"rtl --chip tpu-v4 -o @hardware", "tpu-v4", ""},
    // formats and engines
    {"run @dense.onnx --chip tpu-v4 --batch 1 --format bf17", "--format bf17", "one of"},
    {"run @dense.onnx --chip tpu-v1 --batch 1 --format bf16", "--format bf16", "does not multiply"},
    {"run @dense.onnx --chip systolic-2-q412 --batch 1 --format q8.8", "--format q8.8", "does not multiply"},
    {"run @dense.onnx --chip systolic-2-q412 --batch 1 --format q8.9", "--format q8.9", "q1.15 to q15.1"},
    {"gemm 4 4 4 --chip tpu-v1 --format fp32", "--format fp32", "does not multiply"},
    {"gemm 4 4 4 --chip tpu-v4 --engine evnt", "--engine evnt", "did you mean 'event'"},
    {"gemm 4 4 4 --chip tpu-v4 --engine rtl", "chip tpu-v4", "more than one core"},
    {"run @dense.onnx --chip systolic-128 --batch 1 --no-cache --engine rtl", "systolic-128: mxu.rows", "register"},
    {"analyze @dense.onnx --batch 1 --format bf16", "--format bf16", "chip"},
    {"run @dense.onnx --chip tpu-v4 --batch 1 --calibrate @", "--calibrate", "quantize"},
    {"run @dense.onnx --chip tpu-v4 --batch 1 --disable-pass no-such-pass --no-cache", "no-such-pass", ""},
    {"gemm 0 4 4 --chip tpu-v4", "gemm M", "is not a size"},
    {"gemm 4 4 9999999 --chip tpu-v4", "gemm N", "is not a size"},
    {"gemm 4 4 4 --chip tpu-v4 --timing-only --check", "--timing-only", "check"},
    {"gemm 4 4 4 --chip tpu-v4 --timing-only --engine register", "--timing-only", "engine"},
    {"gemm 4 4 4 --chip tpu-v4 --timing-only --output @out", "--output", "--timing-only"},
    // models
    {"run @none.onnx --chip tpu-v4", "none.onnx", "cannot open"},
    {"run @folder.onnx --chip tpu-v4", "folder.onnx", "folder"},
    {"run @empty.onnx --chip tpu-v4 --no-cache", "empty.onnx", ""},
    {"run @text.onnx --chip tpu-v4 --no-cache", "text.onnx", ""},
    {"run @half.onnx --chip tpu-v4 --no-cache --batch 1", "half.onnx", ""},
    {"run @unknown.onnx --chip tpu-v4 --no-cache", "Frobnicate", ""},
    {"run @unknown.onnx --chip tpu-v4 --no-cache --host-fallback", "Frobnicate", "host"},
    {"analyze @none.onnx", "none.onnx", "cannot open"},
    {"compile @none.onnx --chip tpu-v4 -o @p2.systole", "none.onnx", "cannot open"},
    // shapes
    {"run @dense.onnx --chip tpu-v4 --no-cache", "input 'x'", "--shape x=AxBxC"},
    {"run @dense.onnx --chip tpu-v4 --shape x", "--shape x", "NAME=VALUE"},
    {"run @dense.onnx --chip tpu-v4 --shape x=", "--shape x=", "NAME=VALUE"},
    {"run @dense.onnx --chip tpu-v4 --shape x=2xtwo", "--shape x=2xtwo", "'two' is not a size"},
    {"run @dense.onnx --chip tpu-v4 --shape x=-2x8", "--shape x=-2x8", "is not a size"},
    {"run @dense.onnx --chip tpu-v4 --shape x=99999999999x99999999999", "--shape", ""},
    {"run @dense.onnx --chip tpu-v4 --shape z=2x8", "--shape z", "no such input"},
    {"run @dense.onnx --chip tpu-v4 --shape x=2x8 --shape x=3x8", "--shape x=3x8", "twice"},
    {"run @dense.onnx --chip tpu-v4 --shape x=2x9 --no-cache", "input 'x'", "dimension 1 is 8"},
    {"run @dense.onnx --chip tpu-v4 --shape x=2x8x1 --no-cache", "input 'x'", "dimensions"},
    {"run @lookup.onnx --chip tpu-v4 --batch 2 --no-cache", "lookup.onnx", "batch"},
    {"run @dense.onnx --chip tpu-v4 --shape x=4x8 --input x=@x.npy --no-cache", "input 'x'", "shape"},
    // inputs
    {"run @dense.onnx --chip tpu-v4 --input x", "--input x", "NAME=VALUE"},
    {"run @dense.onnx --chip tpu-v4 --input x=@none.npy", "none.npy", "cannot open"},
    {"run @dense.onnx --chip tpu-v4 --input x=@half.npy", "half.npy", ""},
    {"run @dense.onnx --chip tpu-v4 --input x=@text.npy", "text.npy", ""},
    {"run @dense.onnx --chip tpu-v4 --input x=@folder.npy", "folder.npy", "folder"},
    {"run @dense.onnx --chip tpu-v4 --input z=@x.npy", "--input z", "no such input"},
    {"run @dense.onnx --chip tpu-v4 --input x=@x.npy --input x=@x.npy", "--input x=", "twice"},
    {"run @dense.onnx --chip tpu-v4 --input x=@x9.npy --no-cache", "input 'x'", "dimension 1 is 8"},
    {"run @lookup.onnx --chip tpu-v4 --input ids=@fraction.npy --no-cache", "input 'ids'", "not exact"},
    {"run @lookup.onnx --chip tpu-v4 --input ids=@large.npy --no-cache", "input 'ids'", "not exact"},
    {"run @reshape.onnx --chip tpu-v4 --input x=@x26.npy --no-cache", "reshape", "--input"},
    {"exec @p.systole --input x=@x.npy", "input 'x'", "shape"},
    {"exec @p.systole --input v=@x.npy", "input 'v'", "no such input"},
    {"exec @p.systole --input x=@x44.npy", "input 'w'", "missing"},
    // programs
    {"exec @none.systole", "none.systole", "cannot open"},
    {"exec @text.onnx", "text.onnx", ""},
    {"exec @p.systole --chip systolic-8", "p.systole", "another chip"},
    {"disasm @none.systole", "none.systole", "cannot open"},
    {"disasm @text.onnx", "text.onnx", ""},
    {"asm @none.s -o @q.systole", "none.s", "cannot open"},
    {"asm @bad.s -o @q.systole", "bad.s:2", "unknown instruction"},
    // places to write
    {"run @dense.onnx --chip tpu-v4 --batch 1 --output @text.npy", "--output", "is a file"},
    {"run @dense.onnx --chip tpu-v4 --batch 1 --output @text.npy/deeper", "--output", "is a file"},
    {"run @dense.onnx --chip tpu-v4 --batch 1 --trace @no/such/t.json", "--trace", "no folder"},
    {"run @dense.onnx --chip tpu-v4 --batch 1 --trace @folder.npy", "--trace", "is a folder"},
    {"run @dense.onnx --chip tpu-v4 --batch 1 --cache @text.npy", "--cache", "is a file"},
    {"compile @dense.onnx --chip tpu-v4 --batch 1 -o @no/p.systole", "-o", "no folder"},
    {"disasm @p.systole -o @folder.npy", "-o", "is a folder"},
    {"asm @p.s -o @no/p.systole", "-o", "no folder"},
    {"rtl --chip systolic-4 -o @text.npy", "-o", "is a file"},
};

class BadInput : public Cli {
 protected:
  void SetUp() override {
    Cli::SetUp();
    for (const char* name : {"folder.onnx", "folder.npy", "folder.yaml"}) std::filesystem::create_directory(file(name));
    const std::string dense = dense_model();
    write("dense.onnx", dense);
    write("half.onnx", dense.substr(0, dense.size() / 2));
    write("empty.onnx", std::string());
    write("text.onnx", std::string("no model\n"));
    write("lookup.onnx", lookup_model());
    write("reshape.onnx", reshape_model());
    ModelBuilder unknown;
    unknown.input("x", {2, 2}).output("y").node("Frobnicate", {"x"}, {"y"}, "frob");
    write("unknown.onnx", unknown.bytes());
    write("bad.yaml", std::string("name: bad\nmxu: 3\n"));
    write("text.npy", std::string("no array\n"));
    const auto bytes = format_npy(Tensor(DType::kF32, {2, 8}));
    write("half.npy", std::string(bytes.begin(), bytes.end() - 20));
    write("x.npy", Tensor(DType::kF32, {2, 8}));
    write("x9.npy", Tensor(DType::kF32, {2, 9}));
    write("x26.npy", Tensor(DType::kF32, {2, 6}));
    write("x44.npy", Tensor(DType::kI8, {4, 4}));
    write("fraction.npy", Tensor::of<float>(DType::kF32, {3}, {0, 0.5, 1}));
    write("large.npy", Tensor::of<std::int64_t>(DType::kI64, {3}, {0, std::int64_t{1} << 40, 1}));
    write("p.s", std::string(kProduct));
    write("bad.s", std::string("core 0\n  scalar: hlat\n"));
    ASSERT_EQ(run("asm @p.s -o @p.systole"), 0) << err_;
  }
};

TEST_F(BadInput, SaysWhereAndWhatWouldHelpAndLeavesNothing) {
  const std::regex form("systole: [^\n]+: [^\n]+ \\([^\n]+\\)\n");
  const auto before = files();
  for (const Case& c : kCases) {
    SCOPED_TRACE(std::string("systole ") + c.arguments);
    EXPECT_EQ(run(c.arguments), 2);
    EXPECT_EQ(out_, "");
    const std::size_t line = err_.rfind('\n', err_.size() - 2) + 1;      // 0 if there is one line only
    EXPECT_TRUE(std::regex_match(err_.substr(line), form)) << err_;
    EXPECT_NE(err_.find(c.place), std::string::npos) << err_;
    EXPECT_NE(err_.find(c.words), std::string::npos) << err_;
    EXPECT_EQ(files(), before);
  }
}

// A program that reads past the array's rows is refused before it runs.
TEST_F(BadInput, AProgramOutsideTheMachine) {
  std::string text = kProduct;
  const std::string rows = "rows=4 columns=4 type=i8";
  text.replace(text.find(rows), rows.size(), "rows=5 columns=4 type=i8");
  write("wide.s", text);
  if (run("asm @wide.s -o @wide.systole") == 0) EXPECT_EQ(run("exec @wide.systole"), 2);
  EXPECT_NE(err_.find("core 0"), std::string::npos) << err_;
}

}  // namespace
}  // namespace systole::test
