// fp32 to a float of fewer bits: nearest even in one rounding, subnormals of the narrow format kept. FINITE: no infinity, the
// largest code is NaN (f8E4M3FN).
module narrow_float #(
    parameter EXPONENT = 5,
    parameter FRACTION = 10,
    parameter FINITE = 0
) (
    input  logic [              31:0] value,
    output logic [EXPONENT+FRACTION:0] code
);
  localparam logic signed [9:0] LEAST = 10'sd2 - (10'sd1 <<< (EXPONENT - 1));   // exponent of the smallest normal
  localparam logic [31:0] INFINITY = ((32'd1 << EXPONENT) - 32'd1) << FRACTION;
  localparam logic [31:0] LIMIT = FINITE != 0 ? INFINITY + (32'd1 << FRACTION) - 32'd1 : INFINITY;
  localparam logic [31:0] NAN = FINITE != 0 ? LIMIT : INFINITY | (32'd1 << (FRACTION - 1));

  logic signed [9:0] exponent, base;
  logic [9:0] shift;
  logic [31:0] significand, rounded, magnitude;
  logic nan, infinite;
  always_comb begin
    nan = value[30:23] == 8'hFF && (value[22:0] != 23'd0 || FINITE != 0);
    infinite = value[30:23] == 8'hFF;
    exponent = (value[30:23] == 8'd0 ? 10'sd1 : $signed({2'd0, value[30:23]})) - 10'sd127;
    significand = {8'd0, value[30:23] != 8'd0, value[22:0]};
    base = exponent < LEAST ? 10'sd0 : exponent - LEAST;
    shift = 10'(23 - FRACTION) + (exponent < LEAST ? LEAST - exponent : 10'sd0);
    rounded = 32'd0;
    if (shift <= 10'd25)
      rounded = (significand + (32'd1 << (shift[4:0] - 5'd1)) - 32'd1 + ((significand >> shift[4:0]) & 32'd1)) >> shift[4:0];
    magnitude = ({22'd0, base} << FRACTION) + rounded;
    if (infinite || magnitude > LIMIT) magnitude = LIMIT;
    code = nan ? NAN[EXPONENT+FRACTION:0] : {value[31] && !(FINITE != 0 && magnitude == LIMIT), magnitude[EXPONENT+FRACTION-1:0]};
  end
endmodule
