// The push unit: gives one row of a weight tile a cycle, last row first. A transposed tile stands in memory column by column: `line` is one of its columns a
// cycle, column 0 first, while `weights` brings the accepts (turn.sv). Rows and columns beyond the tile are zero.
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
    output logic [chip::COLUMNS*(chip::OPERAND_BITS+3)-1:0] weights,   // {transposed, first, accept, weight}
    output logic [chip::ROWS*chip::OPERAND_BITS-1:0] line
);
  localparam int O = chip::OPERAND_BITS;
  logic tile, first, transpose;
  logic [4:0] kind;
  logic [9:0] row, step, rows, columns;   // row: of the tile, or cycles that are left; step: cycles since the start
  logic [31:0] here, pitch;

  assign finishing = busy && (!tile || row == 10'd0);
  assign tile_done = busy && tile && row == 10'd0;
  assign address   = here[chip::VMEM_BITS-1:0];

  // What the row is, one cycle later, when its bytes have left VMEM; from there on as long to the array as a row of inputs.
  logic [chip::COLUMNS*(O+3)-1:0] weights_now;
  logic accept, accept_first, row_used, turned;
  logic [4:0] row_kind;
  logic [9:0] row_items;
  logic [chip::PUSH_ITEMS-1:0] used;
  logic [chip::PUSH_ITEMS*O-1:0] operands;
  operand_row #(.COUNT(chip::PUSH_ITEMS)) convert (
      .bytes(bytes),
      .kind(row_kind),
      .used(used),
      .in_bounds(used),
      .pad_value(16'd0),
      .operands(operands)
  );
  genvar c;
  generate
    for (c = 0; c < chip::PUSH_ITEMS; c = c + 1) begin : item
      assign used[c] = row_used && row_items > 10'(c);
    end
    for (c = 0; c < chip::COLUMNS; c = c + 1) begin : column
      assign weights_now[c*(O+3)+:O+3] = {turned, accept_first, accept, operands[c*O+:O]};
    end
  endgenerate
  delay #(.CYCLES(chip::FEEDER_LATENCY - 1), .WIDTH(chip::ROWS * O)) line_later (.clk(clk), .reset(reset), .in(operands[0+:chip::ROWS*O]), .out(line));
  delay #(.CYCLES(chip::FEEDER_LATENCY - 1), .WIDTH(chip::COLUMNS * (O + 3))) later (.clk(clk), .reset(reset), .in(weights_now), .out(weights));

  always_ff @(posedge clk) begin
    accept       <= busy && tile && step < 10'(chip::ROWS) && !reset;
    accept_first <= busy && tile && first && !reset;
    turned       <= transpose;
    row_used     <= transpose ? step < columns : row < rows;
    row_kind     <= kind;
    row_items    <= transpose ? rows : columns;
  end

  always_ff @(posedge clk) begin
    if (reset) busy <= 1'b0;
    else if (issue) busy <= 1'b1;
    else if (finishing) busy <= 1'b0;
    if (issue) tile <= word[7:0] == isa::OP_PUSH;
  end

  always_ff @(posedge clk) begin
    if (issue) begin
      signal      <= word[isa::SIGNAL_LSB+:16];
      first       <= 1'b1;
      transpose   <= word[isa::PUSH_TRANSPOSE_LSB];
      row         <= word[isa::PUSH_TRANSPOSE_LSB] ? 10'(chip::PUSH_ITEMS - 1) : 10'(chip::ROWS - 1);
      step        <= 10'd0;
      rows        <= word[isa::PUSH_ROWS_LSB+:isa::PUSH_ROWS_BITS];
      columns     <= word[isa::PUSH_COLUMNS_LSB+:isa::PUSH_COLUMNS_BITS];
      pitch       <= word[isa::PUSH_PITCH_LSB+:isa::PUSH_PITCH_BITS];
      kind        <= word[isa::PUSH_TYPE_LSB+:5];
      here        <= word[isa::PUSH_WEIGHTS_LSB+:isa::PUSH_WEIGHTS_BITS]
                     + (word[isa::PUSH_TRANSPOSE_LSB] ? 32'd0 : 32'(chip::ROWS - 1) * word[isa::PUSH_PITCH_LSB+:isa::PUSH_PITCH_BITS]);
    end else begin
      first <= 1'b0;
      row   <= row - 10'd1;
      step  <= step + 10'd1;
      here  <= transpose ? here + pitch : here - pitch;
    end
  end
endmodule
