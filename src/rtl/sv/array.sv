// ROWS x COLUMNS processing elements. Rows enter at the left, already staggered, as {switch, valid, value}; weights at the
// top, staggered by column, as {first, accept, weight}. Sums leave at the bottom.
module array #(
    parameter E = chip::OPERAND_BITS + 2
) (
    input  logic                        clk,
    input  logic                        reset,
    input  logic [   chip::ROWS*E-1:0] rows,
    input  logic [chip::COLUMNS*E-1:0] weights,
    output logic [chip::COLUMNS*32-1:0] sums
);
  localparam int O = chip::OPERAND_BITS;
  // The last column's values and the last row's shadow weights go nowhere.
  /* verilator lint_off UNUSEDSIGNAL */
  logic [chip::ROWS*chip::COLUMNS*O-1:0] value /* verilator public_flat_rd */;
  logic [chip::ROWS*chip::COLUMNS*O-1:0] shadow /* verilator public_flat_rd */;
  logic [chip::ROWS*chip::COLUMNS*O-1:0] active /* verilator public_flat_rd */;   // looked at by the testbench only
  /* verilator lint_on UNUSEDSIGNAL */
  logic [chip::ROWS*chip::COLUMNS*32-1:0] sum /* verilator public_flat_rd */;
  logic [chip::ROWS*chip::COLUMNS   -1:0] valid /* verilator public_flat_rd */;
  logic [chip::ROWS*chip::COLUMNS   -1:0] switching /* verilator public_flat_rd */;
  logic [chip::ROWS*chip::COLUMNS   -1:0] train /* verilator public_flat_rd */;

  genvar r, c;
  generate
    for (r = 0; r < chip::ROWS; r = r + 1) begin : row
      for (c = 0; c < chip::COLUMNS; c = c + 1) begin : column
        localparam int HERE = r * chip::COLUMNS + c;
        localparam int LEFT = c == 0 ? HERE : HERE - 1;
        localparam int ABOVE = r == 0 ? HERE : HERE - chip::COLUMNS;
        logic [O-1:0] value_in, shadow_in;
        logic [31:0] sum_in;
        logic valid_in, switch_in, take;
        if (c == 0) begin : edge_left
          assign value_in  = rows[r*E+:O];
          assign valid_in  = rows[r*E+O];
          assign switch_in = rows[r*E+O+1];
        end else begin : inner_left
          assign value_in  = value[LEFT*O+:O];
          assign valid_in  = valid[LEFT];
          assign switch_in = switching[LEFT];
        end
        if (r == 0) begin : edge_top
          assign sum_in    = 32'd0;
          assign shadow_in = weights[c*E+:O];
          assign take      = weights[c*E+O];
        end else begin : inner_top
          assign sum_in    = sum[ABOVE*32+:32];
          assign shadow_in = shadow[ABOVE*O+:O];
          assign take      = weights[c*E+O] && !weights[c*E+O+1] && train[ABOVE];
        end
        pe element (
            .clk(clk),
            .reset(reset),
            .value_in(value_in),
            .valid_in(valid_in),
            .switch_in(switch_in),
            .sum_in(sum_in),
            .shadow_in(shadow_in),
            .take(take),
            .value(value[HERE*O+:O]),
            .valid(valid[HERE]),
            .switching(switching[HERE]),
            .sum(sum[HERE*32+:32]),
            .shadow(shadow[HERE*O+:O]),
            .active(active[HERE*O+:O]),
            .train(train[HERE])
        );
      end
    end
  endgenerate
  assign sums = sum[(chip::ROWS-1)*chip::COLUMNS*32+:chip::COLUMNS*32];
endmodule
