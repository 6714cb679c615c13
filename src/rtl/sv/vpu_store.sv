// A register to an element in memory (lowest byte first), rounded or saturated to its format. The codes of the narrower floats
// and the rounded fixed-point word come from the lane's arithmetic.
module vpu_store (
    input  logic [31:0] value,
    input  logic [ 4:0] kind,
    input  logic [15:0] bf16,
    input  logic [15:0] f16,
    input  logic [ 7:0] f8e4m3,
    input  logic [ 7:0] f8e5m2,
    input  logic [31:0] tf32,
    input  logic [31:0] fixed,
    output logic [63:0] element
);
  function automatic logic [31:0] clamp(input logic [31:0] x, input logic signed [31:0] low, input logic signed [31:0] high);
    clamp = $signed(x) < low ? low : $signed(x) > high ? high : x;
  endfunction

  logic [31:0] word;
  logic [31:0] upper;
  always_comb begin
    upper = 32'd0;
    case (kind)
      isa::TYPE_I1: word = {31'd0, value != 32'd0};
      isa::TYPE_I4: word = clamp(value, -32'sd8, 32'sd7);
      isa::TYPE_I8: word = clamp(value, -32'sd128, 32'sd127);
      isa::TYPE_I16: word = clamp(value, -32'sd32768, 32'sd32767);
      isa::TYPE_I64: begin
        word = value;
        upper = {32{value[31]}};
      end
      isa::TYPE_UI8: word = clamp(value, 32'sd0, 32'sd255);
      isa::TYPE_UI16: word = clamp(value, 32'sd0, 32'sd65535);
      isa::TYPE_UI32, isa::TYPE_UI64: word = value[31] ? 32'd0 : value;
      isa::TYPE_BF16: word = {16'd0, bf16};
      isa::TYPE_F16: word = {16'd0, f16};
      isa::TYPE_F8E4M3FN: word = {24'd0, f8e4m3};
      isa::TYPE_F8E5M2: word = {24'd0, f8e5m2};
      isa::TYPE_TF32: word = tf32;
      isa::TYPE_F32: word = value[30:23] == 8'hFF && value[22:0] != 23'd0 ? 32'h7FC00000 : value;
      chip::FIXED_TYPE: word = clamp(fixed, -32'sd32768, 32'sd32767);
      default: word = value;
    endcase
    element = {upper, word};
  end
endmodule
