// The arithmetic of one vector lane alone, for its test.
module vpu_unit (
    input  logic [ 5:0] operation,
    input  logic [ 4:0] kind,
    input  logic [31:0] a,
    input  logic [31:0] b,
    input  logic [31:0] c,
    input  logic [63:0] element,
    output logic [31:0] result,
    output logic [31:0] loaded,
    output logic [63:0] stored
);
  logic [15:0] bf16, f16;
  logic [7:0] f8e4m3, f8e5m2;
  logic [31:0] tf32, fixed;
  vpu_alu alu (.enable(1'b1), .operation(operation), .a(a), .b(b), .c(c), .result(result), .bf16(bf16), .f16(f16), .f8e4m3(f8e4m3),
               .f8e5m2(f8e5m2), .tf32(tf32), .fixed(fixed));
  vpu_load load (.element(element), .kind(kind), .value(loaded));
  vpu_store store (.value(a), .kind(kind), .bf16(bf16), .f16(f16), .f8e4m3(f8e4m3), .f8e5m2(f8e5m2), .tf32(tf32), .fixed(fixed),
                   .element(stored));
endmodule
