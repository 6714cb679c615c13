// The matrix unit's front: three counters give the VMEM address and the place (h, x) of a row a cycle, the bounds choose
// between the element and the pad value. `target` goes to the accumulators: {last, valid, accumulate, family, columns, row}.
module feeder (
    input  logic                          clk,
    input  logic                          reset,
    input  logic                          issue,
    /* verilator lint_off UNUSEDSIGNAL */
    input  logic [                 255:0] word,
    /* verilator lint_on UNUSEDSIGNAL */
    output logic                          busy,
    output logic                          finishing,
    output logic                          attach,
    output logic [                  15:0] signal,
    output logic [   chip::VMEM_BITS-1:0] address,
    input  logic [chip::FEEDER_BYTES*8-1:0] bytes,
    output logic [chip::ROWS*(chip::OPERAND_BITS+2)-1:0] row,
    output logic [chip::TARGET_BITS -1:0] target
);
  localparam int O = chip::OPERAND_BITS;
  // Pad registers.
  logic [31:0] image_pitch, row_pitch, step_pitch;
  logic [19:0] height;
  logic [23:0] width, column_step;
  logic [15:0] row_step;
  logic [15:0] pad_value;
  logic [4:0] kind;
  // Matmul registers.
  logic streaming, first, accumulate;
  logic [1:0] family;
  logic [11:0] images_left;
  logic [13:0] out_rows, out_rows_left;
  logic [19:0] out_columns, out_columns_left;
  logic [9:0] length, columns;
  logic [31:0] image_address, row_address, here;
  logic signed [31:0] first_h, h;
  logic signed [47:0] first_x, x;
  logic [chip::ACC_BITS-1:0] accumulator_row;
  // The word in its busy cycles.
  logic pad_word;
  /* verilator lint_off UNUSEDSIGNAL */
  logic [255:44] held;
  /* verilator lint_on UNUSEDSIGNAL */

  logic last;
  assign last = out_columns_left == 20'd1 && out_rows_left == 14'd1 && images_left == 12'd1;
  assign finishing = busy && (!streaming || last);
  assign attach = busy && !streaming;
  assign address = here[chip::VMEM_BITS-1:0];

  logic [chip::ROWS-1:0] used_now, in_bounds_now;
  logic row_inside;
  assign row_inside = height == 20'd0 || (h >= 32'sd0 && h < $signed({12'd0, height}));
  genvar e;
  generate
    for (e = 0; e < chip::ROWS; e = e + 1) begin : bounds
      logic signed [47:0] place;
      assign place = x + 48'sd0 + 48'(e);
      assign used_now[e] = length > 10'(e);
      assign in_bounds_now[e] = row_inside && (width == 24'd0 || (place >= 48'sd0 && place < $signed({24'd0, width})));
    end
  endgenerate

  // What the row is, one cycle later, when its bytes have left VMEM; from there on FEEDER_LATENCY - 1 cycles to the array.
  logic [chip::ROWS*(O+2)-1:0] row_now;
  logic [chip::TARGET_BITS-1:0] target_now;
  logic [chip::ROWS-1:0] used, in_bounds;
  logic valid, switching;
  logic [4:0] row_kind;
  logic [15:0] row_pad;
  logic [chip::ROWS*O-1:0] operands;
  operand_row #(.COUNT(chip::ROWS)) convert (
      .bytes(bytes),
      .kind(row_kind),
      .used(used),
      .in_bounds(in_bounds),
      .pad_value(row_pad),
      .operands(operands)
  );
  generate
    for (e = 0; e < chip::ROWS; e = e + 1) begin : element
      assign row_now[e*(O+2)+:O+2] = {switching, valid, operands[e*O+:O]};
    end
  endgenerate
  delay #(.CYCLES(chip::FEEDER_LATENCY - 1), .WIDTH(chip::ROWS * (O + 2))) row_later (.clk(clk), .reset(reset), .in(row_now), .out(row));
  delay #(.CYCLES(chip::FEEDER_LATENCY - 1), .WIDTH(chip::TARGET_BITS)) target_later (.clk(clk), .reset(reset), .in(target_now), .out(target));

  always_ff @(posedge clk) begin
    valid <= streaming && !reset;
    switching <= streaming && first && !reset;
    used <= streaming ? used_now : '0;   // where no row is streamed, zeros come
    in_bounds <= in_bounds_now;
    row_pad <= pad_value;
    row_kind <= kind;
    target_now <= {last && streaming && !reset, streaming && !reset, accumulate, family, columns, accumulator_row};
  end

  always_ff @(posedge clk) begin
    if (reset) begin
      image_pitch <= 32'd0;
      row_pitch   <= 32'd0;
      step_pitch  <= 32'd0;
      height      <= 20'd0;
      width       <= 24'd0;
      row_step    <= 16'd1;
      column_step <= 24'd0;
      pad_value   <= 16'd0;
      kind        <= 5'd0;
    end else if (pad_word) begin
      image_pitch <= 32'($signed(held[isa::PAD_IMAGE_PITCH_LSB+:isa::PAD_IMAGE_PITCH_BITS]));
      row_pitch   <= 32'($signed(held[isa::PAD_ROW_PITCH_LSB+:isa::PAD_ROW_PITCH_BITS]));
      step_pitch  <= 32'($signed(held[isa::PAD_STEP_PITCH_LSB+:isa::PAD_STEP_PITCH_BITS]));
      height      <= held[isa::PAD_HEIGHT_LSB+:isa::PAD_HEIGHT_BITS];
      width       <= held[isa::PAD_WIDTH_LSB+:isa::PAD_WIDTH_BITS];
      row_step    <= held[isa::PAD_ROW_STEP_LSB+:isa::PAD_ROW_STEP_BITS];
      column_step <= held[isa::PAD_COLUMN_STEP_LSB+:isa::PAD_COLUMN_STEP_BITS];
      pad_value   <= held[isa::PAD_VALUE_LSB+:16];
      kind        <= held[isa::PAD_TYPE_LSB+:5];
    end
  end

  always_ff @(posedge clk) begin
    if (reset) begin
      busy      <= 1'b0;
      streaming <= 1'b0;
      pad_word  <= 1'b0;
    end else begin
      if (finishing) begin
        busy      <= 1'b0;
        streaming <= 1'b0;
        pad_word  <= 1'b0;
      end
      if (issue) begin
        busy      <= 1'b1;
        streaming <= word[7:0] == isa::OP_MATMUL;
        pad_word  <= word[7:0] == isa::OP_PAD;
      end
    end
  end

  always_ff @(posedge clk) begin
    if (issue) begin
      held             <= word[255:44];
      signal           <= word[isa::SIGNAL_LSB+:16];
      first            <= word[isa::MATMUL_SWAP_LSB];
      accumulate       <= word[isa::MATMUL_ACCUMULATE_LSB];
      family           <= word[isa::MATMUL_FORMAT_LSB+:5] == isa::TYPE_BF16 ? chip::FLOAT
                          : word[isa::MATMUL_FORMAT_LSB+:5] == chip::FIXED_TYPE ? chip::FIXED : chip::INTEGER;
      images_left      <= word[isa::MATMUL_IMAGES_LSB+:isa::MATMUL_IMAGES_BITS];
      out_rows         <= word[isa::MATMUL_OUT_ROWS_LSB+:isa::MATMUL_OUT_ROWS_BITS];
      out_rows_left    <= word[isa::MATMUL_OUT_ROWS_LSB+:isa::MATMUL_OUT_ROWS_BITS];
      out_columns      <= word[isa::MATMUL_OUT_COLUMNS_LSB+:isa::MATMUL_OUT_COLUMNS_BITS];
      out_columns_left <= word[isa::MATMUL_OUT_COLUMNS_LSB+:isa::MATMUL_OUT_COLUMNS_BITS];
      length           <= word[isa::MATMUL_LENGTH_LSB+:isa::MATMUL_LENGTH_BITS];
      columns          <= word[isa::MATMUL_COLUMNS_LSB+:isa::MATMUL_COLUMNS_BITS];
      image_address    <= word[isa::MATMUL_SOURCE_LSB+:isa::MATMUL_SOURCE_BITS];
      row_address      <= word[isa::MATMUL_SOURCE_LSB+:isa::MATMUL_SOURCE_BITS];
      here             <= word[isa::MATMUL_SOURCE_LSB+:isa::MATMUL_SOURCE_BITS];
      first_h          <= 32'($signed(word[isa::MATMUL_ROW_LSB+:isa::MATMUL_ROW_BITS]));
      h                <= 32'($signed(word[isa::MATMUL_ROW_LSB+:isa::MATMUL_ROW_BITS]));
      first_x          <= 48'($signed(word[isa::MATMUL_COLUMN_LSB+:isa::MATMUL_COLUMN_BITS]));
      x                <= 48'($signed(word[isa::MATMUL_COLUMN_LSB+:isa::MATMUL_COLUMN_BITS]));
      accumulator_row  <= word[isa::MATMUL_ACCUMULATOR_LSB+:chip::ACC_BITS];
    end else if (streaming) begin
      first           <= 1'b0;
      accumulator_row <= accumulator_row + 1'b1;
      if (out_columns_left != 20'd1) begin
        out_columns_left <= out_columns_left - 20'd1;
        here             <= here + step_pitch;
        x                <= x + $signed({24'd0, column_step});
      end else begin
        out_columns_left <= out_columns;
        x                <= first_x;
        if (out_rows_left != 14'd1) begin
          out_rows_left <= out_rows_left - 14'd1;
          row_address   <= row_address + row_pitch;
          here          <= row_address + row_pitch;
          h             <= h + $signed({16'd0, row_step});
        end else begin
          out_rows_left <= out_rows;
          images_left   <= images_left - 12'd1;
          image_address <= image_address + image_pitch;
          row_address   <= image_address + image_pitch;
          here          <= image_address + image_pitch;
          h             <= first_h;
        end
      end
    end
  end
endmodule
