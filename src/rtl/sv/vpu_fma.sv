// a * b + c in fp32 with one rounding to nearest even; subnormals kept, NaN canonical (docs/numerics.md, vector unit).
// The larger of product and addend stands at bit 62 of a 64-bit window, the other is shifted right of it; what falls out is
// kept as a sticky bit. With `enable` low the operands are not looked at.
module vpu_fma (
    input  logic        enable,
    input  logic [31:0] a,
    input  logic [31:0] b,
    input  logic [31:0] c,
    output logic [31:0] result
);
  localparam logic [31:0] NAN = 32'h7FC00000;

  // {biased exponent, 24-bit significand} with the leading bit set; subnormals get exponents below 1.
  function automatic logic [34:0] unpack(input logic [30:0] x);
    logic signed [10:0] e;
    logic [23:0] m;
    begin
      e = x[30:23] == 8'd0 ? 11'sd1 : $signed({3'd0, x[30:23]});
      m = {x[30:23] != 8'd0, x[22:0]};
      if (m[23:8] == 16'd0) begin
        m = m << 16;
        e = e - 11'sd16;
      end
      if (m[23:16] == 8'd0) begin
        m = m << 8;
        e = e - 11'sd8;
      end
      if (m[23:20] == 4'd0) begin
        m = m << 4;
        e = e - 11'sd4;
      end
      if (m[23:22] == 2'd0) begin
        m = m << 2;
        e = e - 11'sd2;
      end
      if (!m[23]) begin
        m = m << 1;
        e = e - 11'sd1;
      end
      unpack = {e, m};
    end
  endfunction

  logic [34:0] ua, ub, uc;
  logic sign_p, nan, infinite_p, zero_p, zero_c, subtract, swap, round_up;
  logic [47:0] product;
  logic signed [10:0] exponent_p, exponent_c, exponent_l, exponent;
  logic [63:0] window_p, window_c, larger, smaller, shifted, sum, norm, low;
  logic [10:0] distance, below;
  logic sign_l;
  logic [5:0] zeros;
  logic [32:0] packed_bits;

  always_comb begin
    ua = '0;
    ub = '0;
    uc = '0;
    sign_p = 1'b0;
    nan = 1'b0;
    infinite_p = 1'b0;
    zero_p = 1'b0;
    zero_c = 1'b0;
    subtract = 1'b0;
    swap = 1'b0;
    round_up = 1'b0;
    product = '0;
    exponent_p = '0;
    exponent_c = '0;
    exponent_l = '0;
    exponent = '0;
    window_p = '0;
    window_c = '0;
    larger = '0;
    smaller = '0;
    shifted = '0;
    sum = '0;
    norm = '0;
    low = '0;
    distance = '0;
    below = '0;
    sign_l = 1'b0;
    zeros = '0;
    packed_bits = '0;
    result = '0;
    if (enable) begin
      ua = unpack(a[30:0]);
      ub = unpack(b[30:0]);
      uc = unpack(c[30:0]);
      sign_p = a[31] ^ b[31];
      zero_p = a[30:0] == 31'd0 || b[30:0] == 31'd0;
      zero_c = c[30:0] == 31'd0;
      infinite_p = a[30:23] == 8'hFF || b[30:23] == 8'hFF;
      nan = (a[30:23] == 8'hFF && a[22:0] != 23'd0) || (b[30:23] == 8'hFF && b[22:0] != 23'd0)
            || (c[30:23] == 8'hFF && c[22:0] != 23'd0) || (infinite_p && zero_p)
            || (infinite_p && c[30:23] == 8'hFF && sign_p != c[31]);

      product = {24'd0, ua[23:0]} * {24'd0, ub[23:0]};
      exponent_p = zero_p ? -11'sd512 : $signed(ua[34:24]) + $signed(ub[34:24]) - (product[47] ? 11'sd126 : 11'sd127);
      window_p = zero_p ? 64'd0 : product[47] ? {1'b0, product, 15'd0} : {1'b0, product[46:0], 16'd0};
      exponent_c = zero_c ? -11'sd512 : $signed(uc[34:24]);
      window_c = zero_c ? 64'd0 : {1'b0, uc[23:0], 39'd0};

      swap = exponent_c > exponent_p || (exponent_c == exponent_p && window_c > window_p);
      exponent_l = swap ? exponent_c : exponent_p;
      larger = swap ? window_c : window_p;
      smaller = swap ? window_p : window_c;
      sign_l = swap ? c[31] : sign_p;
      subtract = sign_p != c[31];
      distance = swap ? exponent_c - exponent_p : exponent_p - exponent_c;
      if (distance > 11'd63) begin
        shifted = {63'd0, smaller != 64'd0};
      end else begin
        shifted = smaller >> distance[5:0];
        low = smaller & ~(64'hFFFFFFFFFFFFFFFF << distance[5:0]);
        shifted[0] = shifted[0] | (low != 64'd0);
      end
      sum = subtract ? larger - shifted : larger + shifted;

      norm = sum;
      if (norm[63:32] == 32'd0) begin
        norm = norm << 32;
        zeros[5] = 1'b1;
      end
      if (norm[63:48] == 16'd0) begin
        norm = norm << 16;
        zeros[4] = 1'b1;
      end
      if (norm[63:56] == 8'd0) begin
        norm = norm << 8;
        zeros[3] = 1'b1;
      end
      if (norm[63:60] == 4'd0) begin
        norm = norm << 4;
        zeros[2] = 1'b1;
      end
      if (norm[63:62] == 2'd0) begin
        norm = norm << 2;
        zeros[1] = 1'b1;
      end
      if (!norm[63]) begin
        norm = norm << 1;
        zeros[0] = 1'b1;
      end
      exponent = exponent_l + 11'sd1 - $signed({5'd0, zeros});

      // Below the normal range the last place stays at 2^-149.
      if (exponent < 11'sd1) begin
        below = 11'sd1 - exponent;
        if (below > 11'd63) begin
          norm = {63'd0, 1'b1};
        end else begin
          low = norm & ~(64'hFFFFFFFFFFFFFFFF << below[5:0]);
          norm = norm >> below[5:0];
          norm[0] = norm[0] | (low != 64'd0);
        end
        exponent = 11'sd1;
      end
      round_up = norm[39] && (norm[38:0] != 39'd0 || norm[40]);
      packed_bits = {exponent[9:0] - 10'd1, 23'd0} + {9'd0, norm[63:40]} + {32'd0, round_up};

      if (nan) result = NAN;
      else if (infinite_p) result = {sign_p, 8'hFF, 23'd0};
      else if (c[30:23] == 8'hFF) result = {c[31], 8'hFF, 23'd0};
      else if (sum == 64'd0) result = {sign_p && c[31], 31'd0};
      else if (packed_bits >= {2'd0, 8'hFF, 23'd0}) result = {sign_l, 8'hFF, 23'd0};
      else result = {sign_l, packed_bits[30:0]};
    end
  end
endmodule
