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
    input  logic [31:0] random,
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
      .weight_in(weight_value[15:0]), .accept(weight_valid[0]), .random(random[7:0]),
      .input_out(input_11), .valid_out(valid_11), .switch_out(switch_11), .sum_out(sum_11), .weight_out(weight_11)
  );
  tinytpu_pe pe12 (
      .clk(clk), .reset(reset), .advance(advance), .enabled(enabled[1]),
      .input_in(input_11), .valid_in(valid_11), .switch_in(switch_11), .sum_in(16'd0),
      .weight_in(weight_value[31:16]), .accept(weight_valid[1]), .random(random[15:8]),
      .input_out(), .valid_out(valid_12), .switch_out(switch_12), .sum_out(sum_12), .weight_out(weight_12)
  );
  tinytpu_pe pe21 (
      .clk(clk), .reset(reset), .advance(advance), .enabled(enabled[0]),
      .input_in(input_value[31:16]), .valid_in(valid_11), .switch_in(switch_11), .sum_in(sum_11),
      .weight_in(weight_11), .accept(weight_valid[0]), .random(random[23:16]),
      .input_out(input_21), .valid_out(valid[0]), .switch_out(switch_21), .sum_out(sum[15:0]), .weight_out()
  );
  tinytpu_pe pe22 (
      .clk(clk), .reset(reset), .advance(advance), .enabled(enabled[1]),
      .input_in(input_21), .valid_in(valid_12), .switch_in(switch_12), .sum_in(sum_12),
      .weight_in(weight_12), .accept(weight_valid[1]), .random(random[31:24]),
      .input_out(), .valid_out(valid[1]), .switch_out(switch_22), .sum_out(sum[31:16]), .weight_out()
  );
  /* verilator lint_on PINCONNECTEMPTY */
  assign moving = valid_11 || valid_12 || valid != 2'b00 || switch_11 || switch_12 || switch_21 || switch_22;
endmodule
