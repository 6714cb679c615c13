// The sum of two floats as the matrix unit makes it: nearest even to 24 bits as if the exponent had no lower end, then below
// 2^-126 a zero of its sign; NaN canonical. A significand has its leading bit at 23 or is zero (with the least exponent).
module float_sum (
    input  logic               enable,
    input  logic               nan,
    input  logic               sign_a,
    input  logic               infinite_a,
    input  logic signed [10:0] exponent_a,
    input  logic        [23:0] significand_a,
    input  logic               sign_b,
    input  logic               infinite_b,
    input  logic signed [10:0] exponent_b,
    input  logic        [23:0] significand_b,
    output logic        [31:0] result
);
  logic swap, sign_l, subtract, up;
  logic signed [10:0] exponent;
  logic [10:0] distance;
  logic [27:0] larger, smaller, shifted, lost, sum, norm;
  logic [4:0] zeros;
  /* verilator lint_off UNUSEDSIGNAL */
  logic [24:0] rounded;   // its leading bit is implied
  /* verilator lint_on UNUSEDSIGNAL */

  always_comb begin
    swap = 1'b0;
    sign_l = 1'b0;
    subtract = 1'b0;
    up = 1'b0;
    exponent = '0;
    distance = '0;
    larger = '0;
    smaller = '0;
    shifted = '0;
    lost = '0;
    sum = '0;
    norm = '0;
    zeros = '0;
    rounded = '0;
    result = '0;
    if (enable) begin
      swap = exponent_b > exponent_a || (exponent_b == exponent_a && significand_b > significand_a);
      sign_l = swap ? sign_b : sign_a;
      exponent = swap ? exponent_b : exponent_a;
      larger = {1'b0, swap ? significand_b : significand_a, 3'd0};
      smaller = {1'b0, swap ? significand_a : significand_b, 3'd0};
      distance = swap ? exponent_b - exponent_a : exponent_a - exponent_b;
      subtract = sign_a != sign_b;
      if (distance > 11'd27) begin
        shifted = {27'd0, smaller != 28'd0};
      end else begin
        shifted = smaller >> distance[4:0];
        lost = smaller & ~(28'hFFFFFFF << distance[4:0]);
        shifted[0] = shifted[0] | (lost != 28'd0);
      end
      sum = subtract ? larger - shifted : larger + shifted;
      norm = sum;
      if (norm[27:12] == 16'd0) begin
        norm = norm << 16;
        zeros[4] = 1'b1;
      end
      if (norm[27:20] == 8'd0) begin
        norm = norm << 8;
        zeros[3] = 1'b1;
      end
      if (norm[27:24] == 4'd0) begin
        norm = norm << 4;
        zeros[2] = 1'b1;
      end
      if (norm[27:26] == 2'd0) begin
        norm = norm << 2;
        zeros[1] = 1'b1;
      end
      if (!norm[27]) begin
        norm = norm << 1;
        zeros[0] = 1'b1;
      end
      up = norm[3] && (norm[2:0] != 3'd0 || norm[4]);
      rounded = {1'b0, norm[27:4]} + {24'd0, up};
      exponent = exponent + 11'sd1 - $signed({6'd0, zeros}) + (rounded[24] ? 11'sd1 : 11'sd0);
      if (nan || (infinite_a && infinite_b && subtract)) result = 32'h7FC00000;
      else if (infinite_a) result = {sign_a, 8'hFF, 23'd0};
      else if (infinite_b) result = {sign_b, 8'hFF, 23'd0};
      else if (sum == 28'd0) result = {sign_a && sign_b, 31'd0};
      else if (exponent < 11'sd1) result = {sign_l, 31'd0};
      else if (exponent > 11'sd254) result = {sign_l, 8'hFF, 23'd0};
      else result = {sign_l, exponent[7:0], rounded[24] ? 23'd0 : rounded[22:0]};
    end
  end
endmodule
