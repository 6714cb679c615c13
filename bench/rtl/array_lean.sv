// The least an element can do: weights that shift down all columns while the first column's port accepts, a multiplication and an addition; no
// shadow weights, no switch, no valid. Registers as array.sv's: 32 bits wide, those of one row and kind in one vector, the fastest of the forms tried
// (docs/hardware.md). Ports are array.sv's; of {switch, valid, operand} and {first, accept, operand} it reads operand and accept.
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
      logic [chip::COLUMNS*32-1:0] value, weight, sum;
      for (c = 0; c < chip::COLUMNS; c = c + 1) begin : column
        logic [31:0] value_in, weight_in, sum_in;
        if (c == 0) begin : left
          assign value_in = 32'(signed'(rows[r*E+:8]));
        end else begin : left
          assign value_in = value[(c-1)*32+:32];
        end
        if (r == 0) begin : above
          assign sum_in    = 32'd0;
          assign weight_in = 32'(signed'(weights[c*E+:8]));
        end else begin : above
          assign sum_in    = row[r-1].sum[c*32+:32];
          assign weight_in = row[r-1].weight[c*32+:32];
        end
        always_ff @(posedge clk) begin
          value[c*32+:32] <= value_in;
          if (weights[chip::OPERAND_BITS]) weight[c*32+:32] <= weight_in;
          sum[c*32+:32] <= sum_in + value_in * weight[c*32+:32];
        end
      end
    end
  endgenerate
  assign sums = row[chip::ROWS-1].sum;
  /* verilator lint_on UNUSEDSIGNAL */
endmodule
