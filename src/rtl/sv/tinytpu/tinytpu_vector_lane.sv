// One column of the vector unit: bias, leaky ReLU, loss derivative, leaky ReLU derivative, each a register. A stage that is not
// on the pathway is a wire (or a plain register: REGISTERED_BYPASS); the last one works in any case, as in the original.
module tinytpu_vector_lane (
    input  logic               clk,
    input  logic               reset,
    input  logic               advance,
    input  logic        [ 3:0] pathway,
    input  logic        [ 3:0] held_pathway,
    input  logic signed [15:0] scale,
    input  logic signed [15:0] leak,
    input  logic signed [15:0] in_value,
    input  logic               in_valid,
    input  logic signed [15:0] bias_value,
    input  logic signed [15:0] target_value,
    input  logic signed [15:0] activation_value,
    output logic        [ 2:0] want,         // products: leaky ReLU, loss, derivative
    output logic        [47:0] left,
    output logic        [47:0] right,
    input  logic        [47:0] product,
    output logic signed [15:0] out_value,
    output logic               out_valid,
    output logic               held_valid,   // out_valid, were the pathway the held one
    output logic               moving
);
  localparam logic PLAIN = tinytpu_chip::REGISTERED_BYPASS != 0;
  logic signed [15:0] bias, leaky, loss, derivative, last;
  logic bias_valid, leaky_valid, loss_valid, derivative_valid;

  logic signed [15:0] after_bias, after_leaky, after_loss;
  logic after_bias_valid, after_leaky_valid, after_loss_valid;
  assign after_bias        = PLAIN || pathway[3] ? bias : in_value;
  assign after_bias_valid  = PLAIN || pathway[3] ? bias_valid : in_valid;
  assign after_leaky       = PLAIN || pathway[2] ? leaky : after_bias;
  assign after_leaky_valid = PLAIN || pathway[2] ? leaky_valid : after_bias_valid;
  assign after_loss        = PLAIN || pathway[1] ? loss : after_leaky;
  assign after_loss_valid  = PLAIN || pathway[1] ? loss_valid : after_leaky_valid;
  assign out_value         = PLAIN || pathway[0] ? derivative : after_loss;
  assign out_valid         = PLAIN || pathway[0] ? derivative_valid : after_loss_valid;
  assign held_valid = PLAIN || held_pathway[0] ? derivative_valid : held_pathway[1] ? loss_valid :
                      held_pathway[2] ? leaky_valid : held_pathway[3] ? bias_valid : in_valid;
  assign moving = bias_valid || leaky_valid || loss_valid || derivative_valid;

  logic signed [15:0] biased, forward_slope, leaked, difference, scaled, derivative_slope, sloped;
  /* verilator lint_off UNUSEDSIGNAL */
  logic signed [15:0] activation;   // its sign decides
  /* verilator lint_on UNUSEDSIGNAL */
  assign forward_slope    = tinytpu_chip::FORWARD_FIXED != 0 ? tinytpu_chip::FORWARD_SLOPE : leak;
  assign derivative_slope = tinytpu_chip::DERIVATIVE_FIXED != 0 ? tinytpu_chip::DERIVATIVE_SLOPE : leak;
  assign activation       = pathway[1] ? last : activation_value;
  tinytpu_add add_bias (.a(in_value), .b(bias_value), .sum(biased));
  tinytpu_add #(.SUBTRACT(1)) subtract_target (.a(after_leaky), .b(target_value), .sum(difference));
  assign left  = {after_loss, difference, after_bias};
  assign right = {derivative_slope, scale, forward_slope};
  assign {sloped, scaled, leaked} = product;

  assign want[0] = after_bias_valid && pathway[2] && after_bias[15];
  assign want[1] = after_leaky_valid && pathway[1];
  assign want[2] = after_loss_valid && (!PLAIN || pathway[0]) && activation[15];

  logic bias_on, leaky_on, loss_on;
  assign bias_on  = in_valid && (PLAIN || pathway[3]);
  assign leaky_on = after_bias_valid && (PLAIN || pathway[2]);
  assign loss_on  = after_leaky_valid && (PLAIN || pathway[1]);
  always_ff @(posedge clk) begin
    if (reset) begin
      bias             <= 16'd0;
      leaky            <= 16'd0;
      loss             <= 16'd0;
      derivative       <= 16'd0;
      last             <= 16'd0;
      bias_valid       <= 1'b0;
      leaky_valid      <= 1'b0;
      loss_valid       <= 1'b0;
      derivative_valid <= 1'b0;
    end else if (advance) begin
      bias_valid       <= bias_on;
      leaky_valid      <= leaky_on;
      loss_valid       <= loss_on;
      derivative_valid <= after_loss_valid;
      bias       <= !bias_on ? 16'd0 : pathway[3] ? biased : in_value;
      leaky      <= !leaky_on ? 16'd0 : want[0] ? leaked : after_bias;
      loss       <= !loss_on ? 16'd0 : want[1] ? scaled : after_leaky;
      derivative <= !after_loss_valid ? 16'd0 : want[2] ? sloped : after_loss;
      last       <= pathway[1] ? leaky : 16'd0;
    end
  end
endmodule
