// A processing element: an active and a shadow weight. The switch travels with the row and makes the shadow active for that
// row already; `take` shifts the shadow weights of the column down by one row.
module pe (
    input  logic               clk,
    input  logic               reset,
    input  logic signed [ 8:0] value_in,
    input  logic               valid_in,
    input  logic               switch_in,
    input  logic signed [31:0] sum_in,
    input  logic signed [ 8:0] shadow_in,
    input  logic               take,
    output logic signed [ 8:0] value,
    output logic               valid,
    output logic               switching,
    output logic signed [31:0] sum,
    output logic signed [ 8:0] shadow,
    output logic               train
);
  logic signed [ 8:0] active;
  logic signed [ 8:0] weight;
  logic signed [17:0] product;

  assign weight  = switch_in ? shadow : active;
  assign product = value_in * weight;

  always_ff @(posedge clk) begin
    if (reset) begin
      active    <= 9'sd0;
      shadow    <= 9'sd0;
      value     <= 9'sd0;
      valid     <= 1'b0;
      switching <= 1'b0;
      sum       <= 32'sd0;
      train     <= 1'b0;
    end else begin
      active    <= weight;
      value     <= value_in;
      valid     <= valid_in;
      switching <= switch_in;
      train     <= take;
      if (valid_in) sum <= sum_in + 32'(product);
      if (take) shadow <= shadow_in;
    end
  end
endmodule
