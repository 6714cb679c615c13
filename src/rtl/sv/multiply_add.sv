// value x weight + sum, in the arithmetic of the value's family: integers wrap; fixed point rounds the product half up and
// saturates product and sum; bf16 products are exact, the sum is float_sum's.
module multiply_add (
    input  logic                          enable,
    input  logic [chip::OPERAND_BITS-1:0] value,
    /* verilator lint_off UNUSEDSIGNAL */
    input  logic [chip::OPERAND_BITS-1:0] weight,   // its family is the value's
    /* verilator lint_on UNUSEDSIGNAL */
    input  logic [                  31:0] sum,
    output logic [                  31:0] result
);
  localparam int D = chip::DATA_BITS;
  logic [1:0] family;
  logic [31:0] whole, fixed, float;
  assign family = value[D+:2];

  generate
    if (chip::HAS_INTEGER != 0) begin : integers
      logic signed [17:0] product;
      assign product = $signed(value[8:0]) * $signed(weight[8:0]);
      assign whole = sum + 32'(product);
    end else begin : no_integers
      assign whole = 32'd0;
    end
    if (chip::HAS_FIXED != 0) begin : fixed_point
      localparam logic signed [31:0] HALF = 32'sd1 <<< (chip::FRACTION - 1);
      logic signed [31:0] product, scaled, total;
      logic signed [16:0] rounded;
      assign product = $signed(value[15:0]) * $signed(weight[15:0]);
      assign scaled = (product + HALF) >>> chip::FRACTION;
      assign rounded = scaled > 32'sd32767 ? 17'sd32767 : scaled < -32'sd32768 ? -17'sd32768 : scaled[16:0];
      assign total = 32'(rounded) + $signed(sum);
      assign fixed = total > 32'sd32767 ? 32'd32767 : total < -32'sd32768 ? 32'hFFFF8000 : total;
    end else begin : no_fixed_point
      assign fixed = 32'd0;
    end
    if (chip::HAS_FLOAT != 0) begin : floats
      logic zero_v, zero_w, zero_p, zero_s, special_v, special_w, special_s, nan;
      logic [15:0] product;
      logic signed [10:0] exponent_p;
      assign zero_v = value[14:7] == 8'd0;      // subnormals count as zero
      assign zero_w = weight[14:7] == 8'd0;
      assign zero_s = sum[30:23] == 8'd0;
      assign zero_p = zero_v || zero_w;
      assign special_v = value[14:7] == 8'hFF;
      assign special_w = weight[14:7] == 8'hFF;
      assign special_s = sum[30:23] == 8'hFF;
      assign nan = (special_v && value[6:0] != 7'd0) || (special_w && weight[6:0] != 7'd0) || (special_s && sum[22:0] != 23'd0)
                   || (special_v && zero_w) || (special_w && zero_v);
      assign product = {8'd0, 1'b1, value[6:0]} * {8'd0, 1'b1, weight[6:0]};
      assign exponent_p = $signed({3'd0, value[14:7]}) + $signed({3'd0, weight[14:7]}) - (product[15] ? 11'sd126 : 11'sd127);
      float_sum add (
          .enable(enable && family == chip::FLOAT),
          .nan(nan),
          .sign_a(value[15] ^ weight[15]),
          .infinite_a(special_v || special_w),
          .exponent_a(zero_p ? -11'sd512 : exponent_p),
          .significand_a(zero_p ? 24'd0 : product[15] ? {product, 8'd0} : {product[14:0], 9'd0}),
          .sign_b(sum[31]),
          .infinite_b(special_s),
          .exponent_b(zero_s ? -11'sd512 : $signed({3'd0, sum[30:23]})),
          .significand_b(zero_s ? 24'd0 : {1'b1, sum[22:0]}),
          .result(float)
      );
    end else begin : no_floats
      assign float = 32'd0;
    end
  endgenerate
  assign result = !enable ? sum : family == chip::FLOAT ? float : family == chip::FIXED ? fixed : whole;
endmodule
