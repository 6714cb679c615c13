// An fp32 word in the narrower formats, as their codes.
module vpu_narrow (
    input  logic [31:0] value,
    output logic [15:0] bf16,
    output logic [15:0] f16,
    output logic [ 7:0] f8e4m3,
    output logic [ 7:0] f8e5m2,
    output logic [31:0] tf32
);
  logic nan;
  /* verilator lint_off UNUSEDSIGNAL */
  logic [31:0] rounded_bf16, rounded_tf32;
  /* verilator lint_on UNUSEDSIGNAL */
  assign nan = value[30:23] == 8'hFF && value[22:0] != 23'd0;
  assign rounded_bf16 = value + 32'h00007FFF + {31'd0, value[16]};
  assign rounded_tf32 = value + 32'h00000FFF + {31'd0, value[13]};
  assign bf16 = nan ? 16'h7FC0 : rounded_bf16[31:16];
  assign tf32 = nan ? 32'h7FC00000 : {rounded_tf32[31:13], 13'd0};
  narrow_float #(.EXPONENT(5), .FRACTION(10), .FINITE(0)) half (.value(value), .code(f16));
  narrow_float #(.EXPONENT(4), .FRACTION(3), .FINITE(1)) e4m3 (.value(value), .code(f8e4m3));
  narrow_float #(.EXPONENT(5), .FRACTION(2), .FINITE(0)) e5m2 (.value(value), .code(f8e5m2));
endmodule
