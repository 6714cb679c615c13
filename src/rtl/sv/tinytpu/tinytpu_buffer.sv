// The unified buffer: seven read channels with twelve lanes, appended writes, gradient descent beside it. The words themselves
// stand in registers or in block RAM, which then says when a clock of the machine may end (`ready`).
module tinytpu_buffer (
    input  logic               clk,
    input  logic               reset,
    input  logic               advance,
    output logic               ready,
    input  logic               start,
    input  logic               transpose,
    input  logic        [ 2:0] stream,
    input  logic        [ 7:0] address,
    input  logic        [ 7:0] rows,
    input  logic        [ 1:0] columns,
    input  logic        [ 1:0] host_valid,
    input  logic        [31:0] host_data,
    input  logic        [ 1:0] vector_valid,
    input  logic        [31:0] vector_data,
    output logic        [ 1:0] descend,       // products wanted: vector_data times the learning rate
    input  logic        [31:0] descent_step,
    input  logic               pointer_set,
    input  logic        [15:0] pointer_value,
    output logic        [31:0] input_value,
    output logic        [ 1:0] input_valid,
    output logic        [31:0] weight_value,
    output logic        [ 1:0] weight_valid,
    output logic        [31:0] bias_value,
    output logic        [31:0] target_value,
    output logic        [31:0] activation_value,
    output logic               moving
);
  // Read channels.
  logic [6:0] running, on;
  logic [1:0] input_active, weight_active, bias_active, target_active, activation_active, old_bias_active, old_weight_active;
  logic [23:0] input_at, weight_at, bias_at, target_at, activation_at, old_bias_at, old_weight_at;
  logic turned;
  assign turned = transpose && stream <= 3'd1;
  tinytpu_channel #(.KIND(0)) input_channel (
      .clk(clk), .reset(reset), .advance(advance), .start(start && stream == 3'd0), .transpose(turned), .address(address),
      .rows(rows), .columns(columns), .go(1'b1), .clear(1'b1), .running(running[0]), .on(on[0]), .active(input_active), .addresses(input_at)
  );
  tinytpu_channel #(.KIND(2)) weight_channel (
      .clk(clk), .reset(reset), .advance(advance), .start(start && stream == 3'd1), .transpose(turned), .address(address),
      .rows(rows), .columns(columns), .go(1'b1), .clear(1'b1), .running(running[1]), .on(on[1]), .active(weight_active), .addresses(weight_at)
  );
  tinytpu_channel #(.KIND(1)) bias_channel (
      .clk(clk), .reset(reset), .advance(advance), .start(start && stream == 3'd2), .transpose(1'b0), .address(address),
      .rows(rows), .columns(columns), .go(1'b1), .clear(1'b1), .running(running[2]), .on(on[2]), .active(bias_active), .addresses(bias_at)
  );
  tinytpu_channel #(.KIND(0)) target_channel (
      .clk(clk), .reset(reset), .advance(advance), .start(start && stream == 3'd3), .transpose(1'b0), .address(address),
      .rows(rows), .columns(columns), .go(1'b1), .clear(1'b1), .running(running[3]), .on(on[3]), .active(target_active), .addresses(target_at)
  );
  tinytpu_channel #(.KIND(0)) activation_channel (
      .clk(clk), .reset(reset), .advance(advance), .start(start && stream == 3'd4), .transpose(1'b0), .address(address),
      .rows(rows), .columns(columns), .go(1'b1), .clear(1'b1), .running(running[4]), .on(on[4]), .active(activation_active), .addresses(activation_at)
  );
  // Old values share two lanes: biases first; both commands are forgotten when both have ended.
  logic old_ended;
  assign old_ended = !running[5] && !running[6];
  tinytpu_channel #(.KIND(1)) old_bias_channel (
      .clk(clk), .reset(reset), .advance(advance), .start(start && stream == 3'd5), .transpose(1'b0), .address(address),
      .rows(rows), .columns(columns), .go(1'b1), .clear(old_ended), .running(running[5]), .on(on[5]), .active(old_bias_active), .addresses(old_bias_at)
  );
  tinytpu_channel #(.KIND(0)) old_weight_channel (
      .clk(clk), .reset(reset), .advance(advance), .start(start && stream == 3'd6), .transpose(1'b0), .address(address),
      .rows(rows), .columns(columns), .go(!running[5]), .clear(old_ended), .running(running[6]), .on(on[6]), .active(old_weight_active), .addresses(old_weight_at)
  );

  // Twelve lanes; a word beyond the memory reads as 0.
  logic [11:0] lane_active, read_want;
  logic [143:0] lane_at;
  logic [83:0] read_address;
  logic [191:0] read_data;
  assign lane_active = {old_bias_active | old_weight_active, activation_active, target_active, bias_active, weight_active, input_active};
  assign lane_at     = {running[5] ? old_bias_at : old_weight_at, activation_at, target_at, bias_at, weight_at, input_at};
  genvar i;
  generate
    for (i = 0; i < 12; i = i + 1) begin : lane
      assign read_want[i]           = lane_active[i] && lane_at[i*12+7+:5] == 5'd0;
      assign read_address[i*7+:7] = lane_at[i*12+:7];
    end
  endgenerate
  logic [31:0] old_value;
  always_ff @(posedge clk) begin
    if (reset) begin
      input_valid      <= 2'b00;
      weight_valid     <= 2'b00;
      input_value      <= 32'd0;
      weight_value     <= 32'd0;
      bias_value       <= 32'd0;
      target_value     <= 32'd0;
      activation_value <= 32'd0;
      old_value        <= 32'd0;
    end else if (advance) begin
      input_valid      <= input_active;
      weight_valid     <= weight_active;
      input_value      <= read_data[31:0];
      weight_value     <= read_data[63:32];
      bias_value       <= read_data[95:64];
      target_value     <= read_data[127:96];
      activation_value <= read_data[159:128];
      old_value        <= read_data[191:160];
    end
  end

  // Gradient descent.
  logic command_old, mode_register, mode;
  logic [11:0] descent_register, descent_pointer;
  logic [31:0] updated;
  logic [1:0] done;
  assign command_old     = start && (stream == 3'd5 || stream == 3'd6);
  assign mode            = command_old ? stream == 3'd6 : mode_register;
  assign descent_pointer = command_old ? {4'd0, address} : descent_register;
  assign descend = on[6:5] != 2'b00 ? vector_valid : 2'b00;
  tinytpu_descent descent1 (
      .clk(clk), .reset(reset), .advance(advance), .weight_mode(mode), .step(descent_step[15:0]),
      .valid(descend[0]), .old(old_value[15:0]), .value(updated[15:0]), .done(done[0])
  );
  tinytpu_descent descent2 (
      .clk(clk), .reset(reset), .advance(advance), .weight_mode(mode), .step(descent_step[31:16]),
      .valid(descend[1]), .old(old_value[31:16]), .value(updated[31:16]), .done(done[1])
  );

  // Writes, the second lane's word first: it stands at the lower address.
  logic [15:0] write_pointer, append0_at;
  logic [11:0] update0_at, update1_at;
  logic [1:0] append;
  logic [3:0] write_want;
  logic [27:0] write_address;
  logic [63:0] write_data;
  assign append     = vector_valid | host_valid;
  assign append0_at = write_pointer + {15'd0, append[1]};
  assign update1_at = mode ? descent_pointer : descent_pointer + 12'd1;
  assign update0_at = mode ? descent_pointer + {11'd0, done[1]} : descent_pointer;
  assign write_want = {done[0] && update0_at[11:7] == 5'd0, done[1] && update1_at[11:7] == 5'd0,
                       append[0] && append0_at[15:7] == 9'd0, append[1] && write_pointer[15:7] == 9'd0};
  assign write_address = {update0_at[6:0], update1_at[6:0], append0_at[6:0], write_pointer[6:0]};
  assign write_data = {updated[15:0], updated[31:16], vector_valid[0] ? vector_data[15:0] : host_data[15:0],
                       vector_valid[1] ? vector_data[31:16] : host_data[31:16]};
  always_ff @(posedge clk) begin
    if (reset) begin
      write_pointer    <= 16'd0;
      descent_register <= 12'd0;
      mode_register    <= 1'b0;
    end else if (advance) begin
      write_pointer    <= pointer_set ? pointer_value : append0_at + {15'd0, append[0]};
      descent_register <= mode ? descent_pointer + {11'd0, done[0]} + {11'd0, done[1]} : descent_pointer;
      mode_register    <= mode;
    end
  end

  generate
    if (tinytpu_chip::BLOCK_RAM != 0) begin : banks
      tinytpu_block_ram store (
          .clk(clk), .reset(reset), .advance(advance), .read_want(read_want), .read_address(read_address), .read_data(read_data),
          .write_want(write_want), .write_address(write_address), .write_data(write_data), .ready(ready)
      );
    end else begin : registers
      tinytpu_registers store (
          .clk(clk), .reset(reset), .advance(advance), .read_want(read_want), .read_address(read_address), .read_data(read_data),
          .write_want(write_want), .write_address(write_address), .write_data(write_data), .ready(ready)
      );
    end
  endgenerate
  /* verilator lint_off UNUSEDSIGNAL */
  logic [4:0] unused;
  /* verilator lint_on UNUSEDSIGNAL */
  assign unused = on[4:0];
  assign moving = running != 7'd0 || input_valid != 2'b00 || weight_valid != 2'b00 || done != 2'b00;
endmodule
