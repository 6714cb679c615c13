// A processing element: an active and a shadow weight. The switch travels with the row and makes the shadow active for that
// row already; `take` shifts the shadow weights of the column down by one row.
module pe (
    input  logic                          clk,
    input  logic                          reset,
    input  logic [chip::OPERAND_BITS-1:0] value_in,
    input  logic                          valid_in,
    input  logic                          switch_in,
    input  logic [                  31:0] sum_in,
    input  logic [chip::OPERAND_BITS-1:0] shadow_in,
    input  logic                          take,
    output logic [chip::OPERAND_BITS-1:0] value,
    output logic                          valid,
    output logic                          switching,
    output logic [                  31:0] sum,
    output logic [chip::OPERAND_BITS-1:0] active,
    output logic [chip::OPERAND_BITS-1:0] shadow,
    output logic                          train
);
  logic [chip::OPERAND_BITS-1:0] weight;
  logic [31:0] sum_out;
  assign weight = switch_in ? shadow : active;
  multiply_add arithmetic (.enable(valid_in), .value(value_in), .weight(weight), .sum(sum_in), .result(sum_out));

  always_ff @(posedge clk) begin
    if (reset) begin
      active    <= '0;
      shadow    <= '0;
      value     <= '0;
      valid     <= 1'b0;
      switching <= 1'b0;
      sum       <= 32'd0;
      train     <= 1'b0;
    end else begin
      active    <= weight;
      value     <= value_in;
      valid     <= valid_in;
      switching <= switch_in;
      train     <= take;
      if (valid_in) sum <= sum_out;
      if (take) shadow <= shadow_in;
    end
  end
endmodule
