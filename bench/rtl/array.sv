// What src/rtl/sv/array.sv and pe.sv do with int8, in a form that Verilator compiles to a faster model: nothing but the elements' registers,
// one variable each, no module borders, no reset. Wires are {switch, valid, operand} at the left and {first, accept, operand} at the top, operands as
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
  // Each kind of register in a place of its own: neighbours in memory, which the compiler's vectors need.
  /* verilator lint_off UNUSEDSIGNAL */   // at the last row and column
  generate
    for (r = 0; r < chip::ROWS; r = r + 1) begin : value
      for (c = 0; c < chip::COLUMNS; c = c + 1) begin : at
        logic signed [7:0] q;
      end
    end
  endgenerate
  generate
    for (r = 0; r < chip::ROWS; r = r + 1) begin : shadow
      for (c = 0; c < chip::COLUMNS; c = c + 1) begin : at
        logic signed [7:0] q;
      end
    end
  endgenerate
  generate
    for (r = 0; r < chip::ROWS; r = r + 1) begin : active
      for (c = 0; c < chip::COLUMNS; c = c + 1) begin : at
        logic signed [7:0] q;
      end
    end
  endgenerate
  generate
    for (r = 0; r < chip::ROWS; r = r + 1) begin : sum
      for (c = 0; c < chip::COLUMNS; c = c + 1) begin : at
        logic [31:0] q;
      end
    end
  endgenerate
  generate
    for (r = 0; r < chip::ROWS; r = r + 1) begin : valid
      for (c = 0; c < chip::COLUMNS; c = c + 1) begin : at
        logic q;
      end
    end
  endgenerate
  generate
    for (r = 0; r < chip::ROWS; r = r + 1) begin : switching
      for (c = 0; c < chip::COLUMNS; c = c + 1) begin : at
        logic q;
      end
    end
  endgenerate
  generate
    for (r = 0; r < chip::ROWS; r = r + 1) begin : train
      for (c = 0; c < chip::COLUMNS; c = c + 1) begin : at
        logic q;
      end
    end
  endgenerate
  /* verilator lint_on UNUSEDSIGNAL */
  generate
    for (r = 0; r < chip::ROWS; r = r + 1) begin : row
      for (c = 0; c < chip::COLUMNS; c = c + 1) begin : column
        // From the left and from above.
        logic signed [7:0] value_in, shadow_in, weight;
        logic [31:0] sum_in;
        logic valid_in, switch_in, take;
        if (c == 0) begin : left
          assign value_in  = rows[r*E+:8];
          assign valid_in  = rows[r*E+O];
          assign switch_in = rows[r*E+O+1];
        end else begin : left
          assign value_in  = value[r].at[c-1].q;
          assign valid_in  = valid[r].at[c-1].q;
          assign switch_in = switching[r].at[c-1].q;
        end
        if (r == 0) begin : above
          assign sum_in    = 32'd0;
          assign shadow_in = weights[c*E+:8];
          assign take      = weights[c*E+O];
        end else begin : above
          assign sum_in    = sum[r-1].at[c].q;
          assign shadow_in = shadow[r-1].at[c].q;
          assign take      = weights[c*E+O] && !weights[c*E+O+1] && train[r-1].at[c].q;
        end
        assign weight = switch_in ? shadow[r].at[c].q : active[r].at[c].q;
        always_ff @(posedge clk) begin
          active[r].at[c].q    <= weight;
          value[r].at[c].q     <= value_in;
          valid[r].at[c].q     <= valid_in;
          switching[r].at[c].q <= switch_in;
          train[r].at[c].q     <= take;
          sum[r].at[c].q       <= valid_in ? sum_in + 32'(16'(value_in) * 16'(weight)) : sum[r].at[c].q;
          shadow[r].at[c].q    <= take ? shadow_in : shadow[r].at[c].q;
        end
        if (r == chip::ROWS - 1) begin : bottom
          assign sums[c*32+:32] = sum[r].at[c].q;
        end
      end
    end
  endgenerate
endmodule
