// What src/rtl/sv/array.sv and pe.sv do with int8, in a form of which Verilator makes a faster model, and in minutes: no module borders, no reset,
// every register 32 bits wide (an operand with its sign, a flag as a mask), those of one row and kind in one vector, so that neighbours in the
// array are neighbours in memory and have the same done to them. No hardware that anybody would build. Wires are {switch, valid, operand} at the
// left and {first, accept, operand} at the top, operands as the chip's of chip.sv.
module array #(
    parameter E = chip::OPERAND_BITS + 2
) (
    input  logic                        clk,
    /* verilator lint_off UNUSEDSIGNAL */
    input  logic [   chip::ROWS*E-1:0] rows,
    input  logic [chip::COLUMNS*E-1:0] weights,
    /* verilator lint_on UNUSEDSIGNAL */
    output logic [chip::COLUMNS*32-1:0] sums
);
  localparam int O = chip::OPERAND_BITS, WIDTH = chip::COLUMNS * 32;
  genvar r, c;
  logic [WIDTH-1:0] top, accept, more;   // at a column's port: a weight, accepted, not the first of its tile
  generate
    for (c = 0; c < chip::COLUMNS; c = c + 1) begin : port
      assign top[c*32+:32] = 32'(signed'(weights[c*E+:8]));
      assign accept[c*32+:32] = {32{weights[c*E+O]}};
      assign more[c*32+:32] = {32{weights[c*E+O] && !weights[c*E+O+1]}};
    end
    for (r = 0; r < chip::ROWS; r = r + 1) begin : row
      /* verilator lint_off UNUSEDSIGNAL */   // at the last row and column
      logic [WIDTH-1:0] value, shadow, active, sum, valid, switching, train;
      /* verilator lint_on UNUSEDSIGNAL */
      logic [WIDTH-1:0] value_in, valid_in, switch_in, shadow_in, sum_in, take, weight, product;
      assign value_in  = {value[WIDTH-33:0], 32'(signed'(rows[r*E+:8]))};
      assign valid_in  = {valid[WIDTH-33:0], {32{rows[r*E+O]}}};
      assign switch_in = {switching[WIDTH-33:0], {32{rows[r*E+O+1]}}};
      if (r == 0) begin : above
        assign sum_in    = '0;
        assign shadow_in = top;
        assign take      = accept;
      end else begin : above
        assign sum_in    = row[r-1].sum;
        assign shadow_in = row[r-1].shadow;
        assign take      = row[r-1].train & more;
      end
      assign weight = (shadow & switch_in) | (active & ~switch_in);
      for (c = 0; c < chip::COLUMNS; c = c + 1) begin : column
        assign product[c*32+:32] = sum_in[c*32+:32] + value_in[c*32+:32] * weight[c*32+:32];
      end
      always_ff @(posedge clk) begin
        active    <= weight;
        value     <= value_in;
        valid     <= valid_in;
        switching <= switch_in;
        train     <= take;
        sum       <= (product & valid_in) | (sum & ~valid_in);
        shadow    <= (shadow_in & take) | (shadow & ~take);
      end
    end
  endgenerate
  assign sums = row[chip::ROWS-1].sum;
endmodule
