// An element as it stands in memory (lowest byte first) to a register: fp32 for floats and fixed point, else int32.
module vpu_load (
    input  logic [63:0] element,
    input  logic [ 4:0] kind,
    output logic [31:0] value
);
  logic [31:0] word, from_f16, from_f8e4m3, from_f8e5m2, from_fixed;
  /* verilator lint_off UNUSEDSIGNAL */
  logic [31:0] rounded_tf32;
  /* verilator lint_on UNUSEDSIGNAL */
  logic nan, nan_bf16;
  assign word = element[31:0];
  assign nan = word[30:23] == 8'hFF && word[22:0] != 23'd0;
  assign nan_bf16 = word[14:7] == 8'hFF && word[6:0] != 7'd0;
  assign rounded_tf32 = word + 32'h00000FFF + {31'd0, word[13]};
  widen_float #(.EXPONENT(5), .FRACTION(10), .FINITE(0)) half (.code(word[15:0]), .value(from_f16));
  widen_float #(.EXPONENT(4), .FRACTION(3), .FINITE(1)) e4m3 (.code(word[7:0]), .value(from_f8e4m3));
  widen_float #(.EXPONENT(5), .FRACTION(2), .FINITE(0)) e5m2 (.code(word[7:0]), .value(from_f8e5m2));

  // Fixed point: exact, 16 bits.
  logic [15:0] norm;
  logic [7:0] exponent;
  integer i;
  always_comb begin
    norm = word[15] ? 16'd0 - word[15:0] : word[15:0];
    exponent = 8'd142 - 8'(chip::FRACTION);   // of bit 15's value
    for (i = 0; i < 15; i = i + 1) begin
      if (!norm[15]) begin
        norm = norm << 1;
        exponent = exponent - 8'd1;
      end
    end
    from_fixed = word[15:0] == 16'd0 ? 32'd0 : {word[15], exponent, norm[14:0], 8'd0};
  end

  always_comb begin
    case (kind)
      isa::TYPE_I1: value = {31'd0, word[7:0] != 8'd0};
      isa::TYPE_I4: value = {{28{word[3]}}, word[3:0]};
      isa::TYPE_I8: value = {{24{word[7]}}, word[7:0]};
      isa::TYPE_I16: value = {{16{word[15]}}, word[15:0]};
      isa::TYPE_I64: value = element[63:31] == '0 || element[63:31] == '1 ? word : element[63] ? 32'h80000000 : 32'h7FFFFFFF;
      isa::TYPE_UI8: value = {24'd0, word[7:0]};
      isa::TYPE_UI16: value = {16'd0, word[15:0]};
      isa::TYPE_UI32: value = word[31] ? 32'h7FFFFFFF : word;
      isa::TYPE_UI64: value = element[63:31] != '0 ? 32'h7FFFFFFF : word;
      isa::TYPE_BF16: value = nan_bf16 ? 32'h7FC00000 : {word[15:0], 16'd0};
      isa::TYPE_F16: value = from_f16;
      isa::TYPE_F8E4M3FN: value = from_f8e4m3;
      isa::TYPE_F8E5M2: value = from_f8e5m2;
      isa::TYPE_TF32: value = nan ? 32'h7FC00000 : {rounded_tf32[31:13], 13'd0};
      isa::TYPE_F32: value = nan ? 32'h7FC00000 : word;
      chip::FIXED_TYPE: value = from_fixed;
      default: value = word;
    endcase
  end
endmodule
