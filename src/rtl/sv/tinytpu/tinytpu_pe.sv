// A processing element: an active and a shadow weight, a rounded and saturated product, a saturated sum. A column that is
// not enabled is cleared. The product comes from tinytpu_products.
module tinytpu_pe (
    input  logic               clk,
    input  logic               reset,
    input  logic               advance,
    input  logic               enabled,
    input  logic signed [15:0] input_in,
    input  logic               valid_in,
    input  logic               switch_in,
    input  logic signed [15:0] sum_in,
    input  logic signed [15:0] weight_in,
    input  logic               accept,
    output logic               want,
    output logic signed [15:0] factor,
    input  logic signed [15:0] product,
    output logic signed [15:0] input_out,
    output logic               valid_out,
    output logic               switch_out,
    output logic signed [15:0] sum_out,
    output logic signed [15:0] weight_out
);
  logic signed [15:0] active, shadow, switched, sum;
  assign switched = switch_in ? shadow : active;
  assign factor   = tinytpu_chip::REGISTERED_SWITCH != 0 ? active : switched;
  assign want     = valid_in && enabled;
  tinytpu_add adder (.a(product), .b(sum_in), .sum(sum));

  always_ff @(posedge clk) begin
    if (reset || (advance && !enabled)) begin
      active     <= 16'd0;
      shadow     <= 16'd0;
      input_out  <= 16'd0;
      valid_out  <= 1'b0;
      switch_out <= 1'b0;
      sum_out    <= 16'd0;
      weight_out <= 16'd0;
    end else if (advance) begin
      active     <= switched;
      valid_out  <= valid_in;
      switch_out <= switch_in;
      sum_out    <= valid_in ? sum : 16'd0;
      weight_out <= accept ? weight_in : 16'd0;
      if (valid_in) input_out <= input_in;
      if (accept) shadow <= weight_in;
    end
  end
endmodule
