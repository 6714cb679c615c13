// TinyTPU: a 2 x 2 array, a vector unit of two lanes, a buffer of 128 words, gradient descent and a sequencer with its
// instruction memory. Load the program while reset is high; `done` stays high once the program has halted and nothing moves.
module tinytpu (
    input  logic               clk,
    input  logic               reset,
    input  logic               program_write,
    input  logic        [ 9:0] program_address,
    input  logic        [95:0] program_data,
    input  logic signed [15:0] learning_rate,   // no word carries it
    output logic               advance,         // a clock of the machine ends
    output logic               vector_valid,    // the first lane's result, as it is written to the buffer
    output logic        [15:0] vector_value,
    output logic               done
);
  logic [95:0] instruction;
  logic [93:0] word;
  logic [9:0] next_pc;
  logic [3:0] held_pathway;
  logic [15:0] pointer_value;
  logic pointer_set, halting;
  logic held_valid;
  tinytpu_program instructions (
      .clk(clk), .write(program_write), .write_address(program_address), .write_data(program_data),
      .read(reset || advance), .read_address(reset ? 10'd0 : next_pc), .instruction(instruction)
  );
  tinytpu_sequencer sequencer (
      .clk(clk), .reset(reset), .advance(advance), .instruction(instruction), .held_valid(held_valid), .out_valid(vector_valid),
      .next_pc(next_pc), .word(word), .held_pathway(held_pathway), .pointer_set(pointer_set), .pointer_value(pointer_value), .halting(halting)
  );

  // The word's fields, lowest bit first.
  logic switch_weights, start, transpose;
  logic [1:0] host_valid, columns;
  logic [7:0] rows, address;
  logic [2:0] stream;
  logic [31:0] host_data;
  logic [3:0] pathway;
  logic [15:0] scale, leak;
  assign {leak, scale, pathway, host_data, stream, address, rows, columns, host_valid, transpose, start, switch_weights} = word;

  // Twelve products: elements by row, then leaky ReLU, loss, derivative and descent, two lanes each.
  logic [191:0] left, right, product;
  logic [11:0] want;
  logic [47:0] left1, left2, right1, right2;
  logic [2:0] want1, want2;
  logic memory_ready, products_ready;
  assign advance = memory_ready && products_ready;
  tinytpu_products products (
      .clk(clk), .reset(reset), .advance(advance), .want(want), .left(left), .right(right), .product(product), .ready(products_ready)
  );

  logic [31:0] input_value, weight_value, bias_value, target_value, activation_value, sum, vector_data;
  logic [1:0] weight_valid, sum_valid, out_valid, lane_moving;
  /* verilator lint_off UNUSEDSIGNAL */
  logic [1:0] input_valid;   // the second row follows the first one's valid bit
  /* verilator lint_on UNUSEDSIGNAL */
  logic array_moving, buffer_moving, size_valid;
  logic [1:0] size;
  logic [7:0] width;
  assign size_valid = start && stream == 3'd1;
  assign width      = transpose ? rows : {6'd0, columns};
  assign size       = {width > 8'd1, width != 8'd0};
  tinytpu_buffer buffer (
      .clk(clk), .reset(reset), .advance(advance), .ready(memory_ready), .start(start), .transpose(transpose), .stream(stream), .address(address), .rows(rows),
      .columns(columns), .host_valid(host_valid), .host_data(host_data), .vector_valid(out_valid), .vector_data(vector_data),
      .descend(want[11:10]), .descent_step(product[191:160]), .pointer_set(pointer_set), .pointer_value(pointer_value),
      .input_value(input_value), .input_valid(input_valid), .weight_value(weight_value), .weight_valid(weight_valid),
      .bias_value(bias_value), .target_value(target_value), .activation_value(activation_value), .moving(buffer_moving)
  );
  tinytpu_array array (
      .clk(clk), .reset(reset), .advance(advance), .size_valid(size_valid), .size(size), .switch_in(switch_weights),
      .input_value(input_value), .input_valid(input_valid[0]), .weight_value(weight_value), .weight_valid(weight_valid),
      .want(want[3:0]), .left(left[63:0]), .right(right[63:0]), .product(product[63:0]), .sum(sum), .valid(sum_valid), .moving(array_moving)
  );
  /* verilator lint_off PINCONNECTEMPTY */
  tinytpu_vector_lane lane1 (
      .clk(clk), .reset(reset), .advance(advance), .pathway(pathway), .held_pathway(held_pathway), .scale(scale), .leak(leak),
      .in_value(sum[15:0]), .in_valid(sum_valid[0]), .bias_value(bias_value[15:0]), .target_value(target_value[15:0]),
      .activation_value(activation_value[15:0]), .want(want1), .left(left1), .right(right1),
      .product({product[143:128], product[111:96], product[79:64]}),
      .out_value(vector_data[15:0]), .out_valid(out_valid[0]), .held_valid(held_valid), .moving(lane_moving[0])
  );
  tinytpu_vector_lane lane2 (
      .clk(clk), .reset(reset), .advance(advance), .pathway(pathway), .held_pathway(held_pathway), .scale(scale), .leak(leak),
      .in_value(sum[31:16]), .in_valid(sum_valid[1]), .bias_value(bias_value[31:16]), .target_value(target_value[31:16]),
      .activation_value(activation_value[31:16]), .want(want2), .left(left2), .right(right2),
      .product({product[159:144], product[127:112], product[95:80]}),
      .out_value(vector_data[31:16]), .out_valid(out_valid[1]), .held_valid(), .moving(lane_moving[1])
  );
  /* verilator lint_on PINCONNECTEMPTY */
  assign want[9:4]      = {want2[2], want1[2], want2[1], want1[1], want2[0], want1[0]};
  assign left[191:64]   = {vector_data, left2[47:32], left1[47:32], left2[31:16], left1[31:16], left2[15:0], left1[15:0]};
  assign right[191:64]  = {learning_rate, learning_rate, right2[47:32], right1[47:32], right2[31:16], right1[31:16], right2[15:0], right1[15:0]};
  assign vector_valid = out_valid[0];
  assign vector_value = vector_data[15:0];
  assign done = halting && !array_moving && !buffer_moving && lane_moving == 2'b00;
endmodule
