// Gradient descent of one column: old value minus gradient times learning rate. A bias goes on from its own last result while
// gradients follow each other; a weight starts from its old value each time.
module tinytpu_descent (
    input  logic               clk,
    input  logic               reset,
    input  logic               advance,
    input  logic               weight_mode,
    input  logic signed [15:0] step,      // gradient times learning rate
    input  logic               valid,
    input  logic signed [15:0] old,
    output logic signed [15:0] value,
    output logic               done
);
  logic signed [15:0] from, result;
  assign from = !weight_mode && done ? value : old;
  tinytpu_add #(.SUBTRACT(1)) subtractor (.a(from), .b(step), .sum(result));
  always_ff @(posedge clk) begin
    if (reset) begin
      value <= 16'd0;
      done  <= 1'b0;
    end else if (advance) begin
      value <= valid ? result : 16'd0;
      done  <= valid;
    end
  end
endmodule
