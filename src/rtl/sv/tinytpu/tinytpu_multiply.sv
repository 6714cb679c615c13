// A Q8.8 product, rounded as the chip says and, but for the wrapping kind, saturated.
module tinytpu_multiply (
    input  logic signed [15:0] a,
    input  logic signed [15:0] b,
    input  logic        [ 7:0] random,
    output logic signed [15:0] rounded_product
);
  // The fraction bits are rounded away; only one kind of rounding looks at the random bits.
  /* verilator lint_off UNUSEDSIGNAL */
  logic signed [31:0] exact, rounded;
  logic [7:0] unused;
  /* verilator lint_on UNUSEDSIGNAL */
  assign exact  = a * b;
  assign unused = random;
  generate
    if (tinytpu_chip::ROUNDING == 0) begin : half_up
      assign rounded = exact + 32'sd128;
    end else if (tinytpu_chip::ROUNDING == 3) begin : stochastic
      assign rounded = exact + $signed({24'd0, random});
    end else begin : truncate
      assign rounded = exact;
    end
    if (tinytpu_chip::ROUNDING == 2) begin : wrap
      assign rounded_product = rounded[23:8];
    end else begin : saturate
      assign rounded_product = rounded[31:23] == {9{rounded[23]}} ? rounded[23:8] : rounded[31] ? -16'sd32768 : 16'sd32767;
    end
  endgenerate
endmodule
