// fp32 to an integer and back. `scaled`: of 2^FRACTION x value (fixed point). `integer_value`: nearest even (truncated with `truncate`),
// saturating to 32 bits, NaN 0. `integral`: the nearest integral value as fp32. `from_integer`: `value` read as int32, as fp32.
module vpu_round (
    input  logic [31:0] value,
    input  logic        truncate,
    input  logic        scaled,
    output logic [31:0] integer_value,
    output logic [31:0] integral,
    output logic [31:0] from_integer
);
  // The fp32 word around its binary point: 32 bits before, 32 behind.
  logic nan, too_large, up;
  logic [8:0] exponent, shift;
  logic [63:0] fixed;
  logic [31:0] magnitude;
  always_comb begin
    nan = value[30:23] == 8'hFF && value[22:0] != 23'd0;
    exponent = {1'b0, value[30:23]} + (scaled ? 9'(chip::FRACTION) : 9'd0);
    too_large = exponent >= 9'd158 || value[30:23] == 8'hFF;   // 2^31 and more
    shift = 9'd158 - exponent;
    fixed = value[30:23] == 8'd0 || shift > 9'd40 ? 64'd0 : {1'b1, value[22:0], 40'd0} >> shift[5:0];
    up = !truncate && fixed[31] && (fixed[30:0] != 31'd0 || fixed[32]);
    magnitude = fixed[63:32] + {31'd0, up};
    if (nan) integer_value = 32'd0;
    else if (too_large || magnitude[31]) integer_value = value[31] ? 32'h80000000 : 32'h7FFFFFFF;
    else integer_value = value[31] ? 32'd0 - magnitude : magnitude;
  end

  // An integer as fp32: what was rounded above (exact, below 2^24), or `value` itself.
  logic [31:0] whole, norm;
  logic [4:0] zeros;
  logic [30:0] rounded;
  always_comb begin
    whole = value[31] ? 32'd0 - value : value;
    norm = whole;
    zeros = 5'd0;
    if (norm[31:16] == 16'd0) begin
      norm = norm << 16;
      zeros[4] = 1'b1;
    end
    if (norm[31:24] == 8'd0) begin
      norm = norm << 8;
      zeros[3] = 1'b1;
    end
    if (norm[31:28] == 4'd0) begin
      norm = norm << 4;
      zeros[2] = 1'b1;
    end
    if (norm[31:30] == 2'd0) begin
      norm = norm << 2;
      zeros[1] = 1'b1;
    end
    if (!norm[31]) begin
      norm = norm << 1;
      zeros[0] = 1'b1;
    end
    rounded = {8'd157 - {3'd0, zeros}, 23'd0} + {7'd0, norm[31:8]} + {30'd0, norm[7] && (norm[6:0] != 7'd0 || norm[8])};
    from_integer = value == 32'd0 ? 32'd0 : {value[31], rounded};
  end

  // Round to integral at the place of the binary point inside the word.
  logic [4:0] point;
  logic [31:0] unit, half, kept;
  always_comb begin
    point = 5'd23 - (value[27:23] - 5'd31);   // fraction bits, for exponents 127 .. 149
    unit = 32'd1 << point;
    half = {1'b0, unit[31:1]};
    kept = (value + half - 32'd1 + ((value & unit) != 32'd0 ? 32'd1 : 32'd0)) & ~(unit - 32'd1);
    if (nan) integral = 32'h7FC00000;
    else if (value[30:23] >= 8'd150) integral = value;
    else if (value[30:23] < 8'd126) integral = {value[31], 31'd0};
    else if (value[30:23] == 8'd126) integral = {value[31], value[22:0] != 23'd0 ? 31'h3F800000 : 31'd0};
    else integral = kept;
  end
endmodule
