// ROWS x COLUMNS processing elements. Rows enter at the left, already staggered, as {switch, valid, value}; weights at the
// top, staggered by column, as {first, accept, weight}. Sums leave at the bottom.
module array (
    input  logic                        clk,
    input  logic                        reset,
    input  logic [   chip::ROWS*11-1:0] rows,
    input  logic [chip::COLUMNS*11-1:0] weights,
    output logic [chip::COLUMNS*32-1:0] sums
);
  // The last column's values and the last row's shadow weights go nowhere.
  /* verilator lint_off UNUSEDSIGNAL */
  logic [chip::ROWS*chip::COLUMNS* 9-1:0] value;
  logic [chip::ROWS*chip::COLUMNS* 9-1:0] shadow;
  /* verilator lint_on UNUSEDSIGNAL */
  logic [chip::ROWS*chip::COLUMNS*32-1:0] sum;
  logic [chip::ROWS*chip::COLUMNS   -1:0] valid;
  logic [chip::ROWS*chip::COLUMNS   -1:0] switching;
  logic [chip::ROWS*chip::COLUMNS   -1:0] train;

  genvar r, c;
  generate
    for (r = 0; r < chip::ROWS; r = r + 1) begin : row
      for (c = 0; c < chip::COLUMNS; c = c + 1) begin : column
        localparam int HERE = r * chip::COLUMNS + c;
        localparam int LEFT = c == 0 ? HERE : HERE - 1;
        localparam int ABOVE = r == 0 ? HERE : HERE - chip::COLUMNS;
        logic [8:0] value_in, shadow_in;
        logic [31:0] sum_in;
        logic valid_in, switch_in, take;
        if (c == 0) begin : edge_left
          assign value_in  = rows[r*11+:9];
          assign valid_in  = rows[r*11+9];
          assign switch_in = rows[r*11+10];
        end else begin : inner_left
          assign value_in  = value[LEFT*9+:9];
          assign valid_in  = valid[LEFT];
          assign switch_in = switching[LEFT];
        end
        if (r == 0) begin : edge_top
          assign sum_in    = 32'd0;
          assign shadow_in = weights[c*11+:9];
          assign take      = weights[c*11+9];
        end else begin : inner_top
          assign sum_in    = sum[ABOVE*32+:32];
          assign shadow_in = shadow[ABOVE*9+:9];
          assign take      = weights[c*11+9] && !weights[c*11+10] && train[ABOVE];
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
            .value(value[HERE*9+:9]),
            .valid(valid[HERE]),
            .switching(switching[HERE]),
            .sum(sum[HERE*32+:32]),
            .shadow(shadow[HERE*9+:9]),
            .train(train[HERE])
        );
      end
    end
  endgenerate
  assign sums = sum[(chip::ROWS-1)*chip::COLUMNS*32+:chip::COLUMNS*32];
endmodule
