// Simulation only: every register of the machine as one vector, 16 bits each, in the order of rtl/tinytpu.cpp.
module tinytpu_probe (
    input  logic               clk,
    input  logic               reset,
    input  logic               program_write,
    input  logic        [ 9:0] program_address,
    input  logic        [95:0] program_data,
    input  logic signed [15:0] learning_rate,
    output logic               advance,
    output logic               done,
    output logic               halting,
    output logic [     1743:0] registers,
    output logic [     2047:0] memory
);
  /* verilator lint_off PINCONNECTEMPTY */
  tinytpu dut (
      .clk(clk), .reset(reset), .program_write(program_write), .program_address(program_address), .program_data(program_data),
      .learning_rate(learning_rate), .advance(advance), .vector_valid(), .vector_value(), .done(done)
  );
  /* verilator lint_on PINCONNECTEMPTY */
  logic [447:0] elements, lanes;
  assign elements[111:0] = {14'd0, dut.array.pe11.switch_out, dut.array.pe11.valid_out, dut.array.pe11.weight_out, dut.array.pe11.sum_out,
                            dut.array.pe11.input_out, dut.array.pe11.shadow, dut.array.pe11.active, 16'd0};
  assign elements[223:112] = {14'd0, dut.array.pe12.switch_out, dut.array.pe12.valid_out, dut.array.pe12.weight_out, dut.array.pe12.sum_out,
                              dut.array.pe12.input_out, dut.array.pe12.shadow, dut.array.pe12.active, 16'd0};
  assign elements[335:224] = {14'd0, dut.array.pe21.switch_out, dut.array.pe21.valid_out, dut.array.pe21.weight_out, dut.array.pe21.sum_out,
                              dut.array.pe21.input_out, dut.array.pe21.shadow, dut.array.pe21.active, 16'd0};
  assign elements[447:336] = {14'd0, dut.array.pe22.switch_out, dut.array.pe22.valid_out, dut.array.pe22.weight_out, dut.array.pe22.sum_out,
                              dut.array.pe22.input_out, dut.array.pe22.shadow, dut.array.pe22.active, 14'd0, dut.array.enabled};
  assign lanes[111:0] = {12'd0, dut.lane1.derivative_valid, dut.lane1.loss_valid, dut.lane1.leaky_valid, dut.lane1.bias_valid,
                         dut.lane1.last, dut.lane1.derivative, dut.lane1.loss, dut.lane1.leaky, dut.lane1.bias, 16'd0};
  assign lanes[223:112] = {12'd0, dut.lane2.derivative_valid, dut.lane2.loss_valid, dut.lane2.leaky_valid, dut.lane2.bias_valid,
                           dut.lane2.last, dut.lane2.derivative, dut.lane2.loss, dut.lane2.leaky, dut.lane2.bias, 16'd0};
  assign lanes[447:224] = {dut.buffer.descent2.value, dut.buffer.descent1.value, dut.buffer.old_value, dut.buffer.activation_value,
                           dut.buffer.target_value, dut.buffer.bias_value, dut.buffer.weight_value, dut.buffer.input_value};
  logic [447:0] channels;
  assign channels = {pack(dut.buffer.old_weight_channel.pointer, dut.buffer.old_weight_channel.row_count, dut.buffer.old_weight_channel.column_count, dut.buffer.old_weight_channel.counter),
                     pack(dut.buffer.old_bias_channel.pointer, dut.buffer.old_bias_channel.row_count, dut.buffer.old_bias_channel.column_count, dut.buffer.old_bias_channel.counter),
                     pack(dut.buffer.activation_channel.pointer, dut.buffer.activation_channel.row_count, dut.buffer.activation_channel.column_count, dut.buffer.activation_channel.counter),
                     pack(dut.buffer.target_channel.pointer, dut.buffer.target_channel.row_count, dut.buffer.target_channel.column_count, dut.buffer.target_channel.counter),
                     pack(dut.buffer.bias_channel.pointer, dut.buffer.bias_channel.row_count, dut.buffer.bias_channel.column_count, dut.buffer.bias_channel.counter),
                     pack(dut.buffer.weight_channel.pointer, dut.buffer.weight_channel.row_count, dut.buffer.weight_channel.column_count, dut.buffer.weight_channel.counter),
                     pack(dut.buffer.input_channel.pointer, dut.buffer.input_channel.row_count, dut.buffer.input_channel.column_count, dut.buffer.input_channel.counter)};
  function automatic logic [63:0] pack(input logic [11:0] pointer, input logic [7:0] rows, input logic [7:0] columns, input logic [8:0] counter);
    pack = {7'd0, counter, 8'd0, columns, 8'd0, rows, {4{pointer[11]}}, pointer};
  endfunction
  logic [207:0] control;
  assign control = {16'd0, 15'd0, dut.sequencer.valid_before, dut.sequencer.held_leak, dut.sequencer.held_scale, 12'd0, dut.sequencer.held_pathway,
                    13'd0, dut.sequencer.depth, 8'd0, dut.sequencer.hold, 14'd0, dut.sequencer.halted, dut.sequencer.waiting, 6'd0, dut.sequencer.pc,
                    9'd0, dut.buffer.mode_register, dut.buffer.done, dut.buffer.weight_valid, dut.buffer.input_valid,
                    {4{dut.buffer.descent_register[11]}}, dut.buffer.descent_register, dut.buffer.write_pointer};
  assign registers[ 447:   0] = elements;
  assign registers[ 895: 448] = lanes;
  assign registers[1343: 896] = channels;
  assign registers[1551:1344] = control;
  assign registers[1743:1552] = dut.products.random;
  assign halting = dut.halting;

  genvar i;
  generate
    if (tinytpu_chip::BLOCK_RAM != 0) begin : banks
      for (i = 0; i < 64; i = i + 1) begin : word
        assign memory[i*32+:16]    = dut.buffer.banks.store.even.bank.words[i];
        assign memory[i*32+16+:16] = dut.buffer.banks.store.odd.bank.words[i];
      end
    end else begin : words
      assign memory = dut.buffer.registers.store.words;
    end
  endgenerate
endmodule
