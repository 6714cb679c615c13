// The push unit: gives one row of a weight tile a cycle, last row first. Rows and columns beyond the tile are zero.
module push (
    input  logic                        clk,
    input  logic                        reset,
    input  logic                        issue,
    /* verilator lint_off UNUSEDSIGNAL */
    input  logic [               255:0] word,
    /* verilator lint_on UNUSEDSIGNAL */
    output logic                        busy,
    output logic                        finishing,
    output logic                        tile_done,
    output logic [                15:0] signal,
    output logic [ chip::VMEM_BITS-1:0] address,
    input  logic [chip::PUSH_BYTES*8-1:0] bytes,
    output logic [chip::COLUMNS*(chip::OPERAND_BITS+2)-1:0] weights
);
  localparam int O = chip::OPERAND_BITS;
  logic tile, first;
  logic [4:0] kind;
  logic [9:0] row, rows, columns;
  logic [31:0] here, pitch;

  assign finishing = busy && (!tile || row == 10'd0);
  assign tile_done = busy && tile && row == 10'd0;
  assign address   = here[chip::VMEM_BITS-1:0];

  // What the row is, one cycle later, when its bytes have left VMEM; from there on as long to the array as a row of inputs.
  logic [chip::COLUMNS*(O+2)-1:0] weights_now;
  logic accept, accept_first, row_used;
  logic [4:0] row_kind;
  logic [9:0] row_columns;
  logic [chip::COLUMNS-1:0] used;
  logic [chip::COLUMNS*O-1:0] operands;
  operand_row #(.COUNT(chip::COLUMNS)) convert (
      .bytes(bytes),
      .kind(row_kind),
      .used(used),
      .in_bounds(used),
      .pad_value(16'd0),
      .operands(operands)
  );
  genvar c;
  generate
    for (c = 0; c < chip::COLUMNS; c = c + 1) begin : column
      assign used[c] = row_used && row_columns > 10'(c);
      assign weights_now[c*(O+2)+:O+2] = {accept_first, accept, operands[c*O+:O]};
    end
  endgenerate
  delay #(.CYCLES(chip::FEEDER_LATENCY - 1), .WIDTH(chip::COLUMNS * (O + 2))) later (.clk(clk), .reset(reset), .in(weights_now), .out(weights));

  always_ff @(posedge clk) begin
    accept       <= busy && tile && !reset;
    accept_first <= busy && tile && first && !reset;
    row_used     <= row < rows;
    row_kind     <= kind;
    row_columns  <= columns;
  end

  always_ff @(posedge clk) begin
    if (reset) begin
      busy <= 1'b0;
      tile <= 1'b0;
    end else if (issue) begin
      busy <= 1'b1;
      tile <= word[7:0] == isa::OP_PUSH;
    end else if (finishing) begin
      busy <= 1'b0;
      tile <= 1'b0;
    end
  end

  always_ff @(posedge clk) begin
    if (issue) begin
      signal      <= word[isa::SIGNAL_LSB+:16];
      first       <= 1'b1;
      row         <= 10'(chip::ROWS - 1);
      rows        <= word[isa::PUSH_ROWS_LSB+:isa::PUSH_ROWS_BITS];
      columns     <= word[isa::PUSH_COLUMNS_LSB+:isa::PUSH_COLUMNS_BITS];
      pitch       <= word[isa::PUSH_PITCH_LSB+:isa::PUSH_PITCH_BITS];
      kind        <= word[isa::PUSH_TYPE_LSB+:5];
      here        <= word[isa::PUSH_WEIGHTS_LSB+:isa::PUSH_WEIGHTS_BITS]
                     + 32'(chip::ROWS - 1) * word[isa::PUSH_PITCH_LSB+:isa::PUSH_PITCH_BITS];
    end else begin
      first <= 1'b0;
      row   <= row - 10'd1;
      here  <= here - pitch;
    end
  end
endmodule
