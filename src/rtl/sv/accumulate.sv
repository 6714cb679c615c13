// before + sum in the arithmetic of the row's family, as an accumulator does it.
module accumulate (
    /* verilator lint_off UNUSEDSIGNAL */
    input  logic        enable,   // of floats
    /* verilator lint_on UNUSEDSIGNAL */
    input  logic [ 1:0] family,
    input  logic [31:0] before_sum,
    input  logic [31:0] sum,
    output logic [31:0] result
);
  logic signed [31:0] total;
  logic [31:0] whole, float;
  assign whole = before_sum + sum;
  // Fixed point: the accumulator's low 16 bits count.
  assign total = 32'($signed(before_sum[15:0])) + $signed(sum);
  generate
    if (chip::HAS_FLOAT != 0) begin : floats
      logic zero_a, zero_b, special_a, special_b;
      assign zero_a = before_sum[30:23] == 8'd0;
      assign zero_b = sum[30:23] == 8'd0;
      assign special_a = before_sum[30:23] == 8'hFF;
      assign special_b = sum[30:23] == 8'hFF;
      float_sum add (
          .enable(enable && family == chip::FLOAT),
          .nan((special_a && before_sum[22:0] != 23'd0) || (special_b && sum[22:0] != 23'd0)),
          .sign_a(before_sum[31]),
          .infinite_a(special_a),
          .exponent_a(zero_a ? -11'sd512 : $signed({3'd0, before_sum[30:23]})),
          .significand_a(zero_a ? 24'd0 : {1'b1, before_sum[22:0]}),
          .sign_b(sum[31]),
          .infinite_b(special_b),
          .exponent_b(zero_b ? -11'sd512 : $signed({3'd0, sum[30:23]})),
          .significand_b(zero_b ? 24'd0 : {1'b1, sum[22:0]}),
          .result(float)
      );
    end else begin : no_floats
      assign float = 32'd0;
    end
  endgenerate
  assign result = family == chip::FLOAT ? float
                : family != chip::FIXED ? whole
                : total > 32'sd32767 ? 32'd32767 : total < -32'sd32768 ? 32'hFFFF8000 : total;
endmodule
