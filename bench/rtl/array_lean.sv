// The least an element can do: weights that shift down a column while its port accepts, a multiplication and an addition; no shadow weights,
// no switch, no valid. Fewer registers and less work than the machine's element has. No upper bound of what a Verilated array reaches: other
// forms of it are faster at some sizes (docs/hardware.md). Ports are array.sv's; of {switch, valid, operand} and {first, accept, operand} it reads operand and accept.
module array #(
    parameter E = chip::OPERAND_BITS + 2
) (
    input  logic                        clk,
    /* verilator lint_off UNUSEDSIGNAL */   // some bits of the ports, what leaves the last column and row
    input  logic [   chip::ROWS*E-1:0] rows,
    input  logic [chip::COLUMNS*E-1:0] weights,
    output logic [chip::COLUMNS*32-1:0] sums
);
  genvar r, c;
  generate
    for (r = 0; r < chip::ROWS; r = r + 1) begin : row
      for (c = 0; c < chip::COLUMNS; c = c + 1) begin : column
        logic signed [7:0] value, weight, value_in, weight_in;
        logic [31:0] sum, sum_in;
        if (c == 0) begin : left
          assign value_in = rows[r*E+:8];
        end else begin : left
          assign value_in = row[r].column[c-1].value;
        end
        if (r == 0) begin : above
          assign sum_in    = 32'd0;
          assign weight_in = weights[c*E+:8];
        end else begin : above
          assign sum_in    = row[r-1].column[c].sum;
          assign weight_in = row[r-1].column[c].weight;
        end
        always_ff @(posedge clk) begin
          value <= value_in;
          if (weights[c*E+chip::OPERAND_BITS]) weight <= weight_in;
          sum <= sum_in + 32'(value_in) * 32'(weight);
        end
        if (r == chip::ROWS - 1) begin : bottom
          assign sums[c*32+:32] = sum;
        end
      end
    end
  endgenerate
  /* verilator lint_on UNUSEDSIGNAL */
endmodule
