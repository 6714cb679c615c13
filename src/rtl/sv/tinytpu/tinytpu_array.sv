// 2 x 2 elements, weight stationary: inputs enter at the west, weights at the north, sums leave at the south. The valid bit and
// the switch travel east along the first row and south down each column.
module tinytpu_array (
    input  logic        clk,
    input  logic        reset,
    input  logic        advance,
    input  logic        size_valid,   // a weight stream starts ...
    input  logic [ 1:0] size,         // ... and enables these columns
    input  logic        switch_in,
    input  logic [31:0] input_value,
    input  logic        input_valid,
    input  logic [31:0] weight_value,
    input  logic [ 1:0] weight_valid,
    output logic [ 3:0] want,         // products: elements by row
    output logic [63:0] left,
    output logic [63:0] right,
    input  logic [63:0] product,
    output logic [31:0] sum,
    output logic [ 1:0] valid,
    output logic        moving
);
  logic [1:0] enabled;
  always_ff @(posedge clk) begin
    if (reset) enabled <= 2'b00;
    else if (advance && size_valid) enabled <= size;
  end

  logic signed [15:0] input_11, input_21, sum_11, sum_12, weight_11, weight_12;
  logic valid_11, valid_12, switch_11, switch_12, switch_21, switch_22;
  // What the last column and the last row pass on goes nowhere.
  /* verilator lint_off PINCONNECTEMPTY */
  tinytpu_pe pe11 (
      .clk(clk), .reset(reset), .advance(advance), .enabled(enabled[0]),
      .input_in(input_value[15:0]), .valid_in(input_valid), .switch_in(switch_in), .sum_in(16'd0),
      .weight_in(weight_value[15:0]), .accept(weight_valid[0]),
      .want(want[0]), .factor(right[15:0]), .product(product[15:0]),
      .input_out(input_11), .valid_out(valid_11), .switch_out(switch_11), .sum_out(sum_11), .weight_out(weight_11)
  );
  tinytpu_pe pe12 (
      .clk(clk), .reset(reset), .advance(advance), .enabled(enabled[1]),
      .input_in(input_11), .valid_in(valid_11), .switch_in(switch_11), .sum_in(16'd0),
      .weight_in(weight_value[31:16]), .accept(weight_valid[1]),
      .want(want[1]), .factor(right[31:16]), .product(product[31:16]),
      .input_out(), .valid_out(valid_12), .switch_out(switch_12), .sum_out(sum_12), .weight_out(weight_12)
  );
  tinytpu_pe pe21 (
      .clk(clk), .reset(reset), .advance(advance), .enabled(enabled[0]),
      .input_in(input_value[31:16]), .valid_in(valid_11), .switch_in(switch_11), .sum_in(sum_11),
      .weight_in(weight_11), .accept(weight_valid[0]),
      .want(want[2]), .factor(right[47:32]), .product(product[47:32]),
      .input_out(input_21), .valid_out(valid[0]), .switch_out(switch_21), .sum_out(sum[15:0]), .weight_out()
  );
  tinytpu_pe pe22 (
      .clk(clk), .reset(reset), .advance(advance), .enabled(enabled[1]),
      .input_in(input_21), .valid_in(valid_12), .switch_in(switch_12), .sum_in(sum_12),
      .weight_in(weight_12), .accept(weight_valid[1]),
      .want(want[3]), .factor(right[63:48]), .product(product[63:48]),
      .input_out(), .valid_out(valid[1]), .switch_out(switch_22), .sum_out(sum[31:16]), .weight_out()
  );
  /* verilator lint_on PINCONNECTEMPTY */
  assign left = {input_21, input_value[31:16], input_11, input_value[15:0]};
  assign moving = valid_11 || valid_12 || valid != 2'b00 || switch_11 || switch_12 || switch_21 || switch_22;
endmodule
