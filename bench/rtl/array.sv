// What src/rtl/sv/array.sv and pe.sv do with int8, as Verilator compiles it fastest: nothing but the elements' registers, one variable
// each, no module borders, no reset. Wires are {switch, valid, operand} at the left and {first, accept, operand} at the top, operands as
// the chip's of chip.sv.
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
  localparam int O = chip::OPERAND_BITS;
  genvar r, c;
  generate
    for (r = 0; r < chip::ROWS; r = r + 1) begin : row
      for (c = 0; c < chip::COLUMNS; c = c + 1) begin : column
        /* verilator lint_off UNUSEDSIGNAL */   // at the last row and column
        logic signed [7:0] value, shadow, active;
        logic [31:0] sum;
        logic valid, switching, train;
        /* verilator lint_on UNUSEDSIGNAL */
        // From the left and from above.
        logic signed [7:0] value_in, shadow_in, weight;
        logic [31:0] sum_in;
        logic valid_in, switch_in, take;
        if (c == 0) begin : left
          assign value_in  = rows[r*E+:8];
          assign valid_in  = rows[r*E+O];
          assign switch_in = rows[r*E+O+1];
        end else begin : left
          assign value_in  = row[r].column[c-1].value;
          assign valid_in  = row[r].column[c-1].valid;
          assign switch_in = row[r].column[c-1].switching;
        end
        if (r == 0) begin : above
          assign sum_in    = 32'd0;
          assign shadow_in = weights[c*E+:8];
          assign take      = weights[c*E+O];
        end else begin : above
          assign sum_in    = row[r-1].column[c].sum;
          assign shadow_in = row[r-1].column[c].shadow;
          assign take      = weights[c*E+O] && !weights[c*E+O+1] && row[r-1].column[c].train;
        end
        assign weight = switch_in ? shadow : active;
        always_ff @(posedge clk) begin
          active    <= weight;
          value     <= value_in;
          valid     <= valid_in;
          switching <= switch_in;
          train     <= take;
          sum       <= valid_in ? sum_in + 32'(16'(value_in) * 16'(weight)) : sum;
          shadow    <= take ? shadow_in : shadow;
        end
        if (r == chip::ROWS - 1) begin : bottom
          assign sums[c*32+:32] = sum;
        end
      end
    end
  endgenerate
endmodule
