// A float of fewer bits as fp32; NaN canonical. FINITE as in narrow_float.
module widen_float #(
    parameter EXPONENT = 5,
    parameter FRACTION = 10,
    parameter FINITE = 0
) (
    input  logic [EXPONENT+FRACTION:0] code,
    output logic [               31:0] value
);
  localparam int BIAS = (1 << (EXPONENT - 1)) - 1;
  logic [EXPONENT-1:0] exponent;
  logic [FRACTION-1:0] fraction;
  logic [23:0] significand;
  logic [7:0] wide;
  logic infinite, nan;
  integer i;
  always_comb begin
    exponent = code[EXPONENT+FRACTION-1:FRACTION];
    fraction = code[FRACTION-1:0];
    infinite = FINITE == 0 && exponent == '1;
    nan = FINITE != 0 ? exponent == '1 && fraction == '1 : infinite && fraction != '0;
    significand = {exponent != '0, fraction, {(23 - FRACTION) {1'b0}}};
    wide = exponent == '0 ? 8'(128 - BIAS) : 8'(exponent) + 8'(127 - BIAS);
    // A subnormal's first set bit becomes the leading one.
    for (i = 0; i < FRACTION; i = i + 1) begin
      if (!significand[23]) begin
        significand = significand << 1;
        wide = wide - 8'd1;
      end
    end
    if (nan) value = 32'h7FC00000;
    else if (infinite) value = {code[EXPONENT+FRACTION], 8'hFF, 23'd0};
    else if (!significand[23]) value = {code[EXPONENT+FRACTION], 31'd0};
    else value = {code[EXPONENT+FRACTION], wide, significand[22:0]};
  end
endmodule
