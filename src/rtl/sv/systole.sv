// One core. The host writes the program while `reset` is high; the first cycle without reset is cycle 0. Far memory is
// behind one port per DMA engine (dma.sv). `halted`: the program has ended; `cycles` is its cycle count.
module systole (
    input  logic                                      clk,
    input  logic                                      reset,
    input  logic                                      host_write,
    input  logic [           chip::PROGRAM_BITS-1:0]  host_address,
    input  logic [                             255:0] host_word,
    input  logic                                      host_micro_write,
    input  logic [             chip::MICRO_BITS-1:0]  host_micro_address,
    input  logic [                              63:0] host_micro_word,
    output logic                                      halted,
    output logic [                              63:0] cycles,
    output logic [                  chip::DMAS-1:0]   request,
    output logic [                  chip::DMAS-1:0]   request_write,
    output logic [                  chip::DMAS-1:0]   request_last,
    output logic [               chip::DMAS*36-1:0]   request_address,
    output logic [  chip::DMAS*chip::SIZE_BITS-1:0]   request_size,
    input  logic [                  chip::DMAS-1:0]   grant,
    output logic [chip::DMAS*chip::BURST_BYTES*8-1:0] write_data,
    input  logic [                  chip::DMAS-1:0]   answer,
    input  logic [chip::DMAS*chip::BURST_BYTES*8-1:0] answer_data
);
  localparam int G = chip::GIVE_BITS;
  localparam int A = chip::VMEM_BITS;
  localparam int PUSH = chip::DMAS;        // units in the order of the givers
  localparam int MATRIX = chip::DMAS + 1;
  localparam int VECTOR = chip::DMAS + 2;
  localparam int E = chip::OPERAND_BITS + 2;   // an operand on its way: {switch or first, valid or accept, operand}

  logic [chip::GIVERS-1:0] dispatch, full, empty, ready, issue, busy, finishing, open_empty;
  logic [255:0] dispatch_word;
  logic [chip::GIVERS*chip::RECEIVERS*G-1:0] gives;   // [giver][receiver]
  logic [chip::RECEIVERS*chip::GIVERS*G-1:0] given;   // [receiver][giver]
  logic [chip::GIVERS*256-1:0] head;

  always_ff @(posedge clk)
    if (reset) cycles <= 64'd0;
    else if (!halted) cycles <= cycles + 64'd1;

  genvar g, r, d;
  generate
    for (r = 0; r < chip::RECEIVERS; r = r + 1) begin : receiver
      for (g = 0; g < chip::GIVERS; g = g + 1) begin : giver
        assign given[(r*chip::GIVERS+g)*G+:G] = gives[(g*chip::RECEIVERS+r)*G+:G];
      end
    end
    for (g = 0; g < chip::GIVERS; g = g + 1) begin : unit
      unit_queue queue (
          .clk(clk),
          .reset(reset),
          .dispatch(dispatch[g]),
          .dispatch_word(dispatch_word),
          .given(given[(g+1)*chip::GIVERS*G+:chip::GIVERS*G]),
          .busy(busy[g]),
          .finishing(finishing[g]),
          .issue(issue[g]),
          .full(full[g]),
          .empty(empty[g]),
          .ready(ready[g]),
          .head(head[g*256+:256])
      );
    end
  endgenerate

  sequencer fetch (
      .clk(clk),
      .reset(reset),
      .host_write(host_write),
      .host_address(host_address),
      .host_word(host_word),
      .given(given[0+:chip::GIVERS*G]),
      .full(full),
      .drained(empty == '1 && busy == '0 && open_empty == '1),
      .dispatch(dispatch),
      .dispatch_word(dispatch_word),
      .halted(halted)
  );

  // VMEM and its ports.
  logic [A-1:0] feeder_address, push_address;
  logic [chip::FEEDER_BYTES*8-1:0] feeder_bytes;
  logic [chip::PUSH_BYTES*8-1:0] push_bytes;
  logic [chip::DMAS*A-1:0] dma_read_address, dma_write_address;
  logic [chip::DMAS*chip::SIZE_BITS-1:0] dma_write_size;
  logic [chip::DMAS*chip::BURST_BYTES*8-1:0] dma_read_bytes, dma_write_bytes;
  logic [chip::WIDTH*A-1:0] lane_read_address, lane_write_address;
  logic [chip::WIDTH*4-1:0] lane_write_size;
  logic [chip::WIDTH*64-1:0] lane_read_bytes, lane_write_bytes;
  buffer vmem (
      .clk(clk),
      .feeder_address(feeder_address),
      .feeder_bytes(feeder_bytes),
      .push_address(push_address),
      .push_bytes(push_bytes),
      .dma_read_address(dma_read_address),
      .dma_read_bytes(dma_read_bytes),
      .dma_write_address(dma_write_address),
      .dma_write_size(dma_write_size),
      .dma_write_bytes(dma_write_bytes),
      .lane_read_address(lane_read_address),
      .lane_read_bytes(lane_read_bytes),
      .lane_write_address(lane_write_address),
      .lane_write_size(lane_write_size),
      .lane_write_bytes(lane_write_bytes)
  );

  // Push unit and matrix unit.
  logic tile_done, swap_allowed, push_allowed, head_swaps, head_pushes, matrix_attach, ending;
  logic [15:0] push_signal, matrix_signal;
  logic [chip::COLUMNS*E-1:0] weights;
  logic [chip::COLUMNS*E-1:0] weights_skewed /* verilator public_flat_rd */;
  logic [chip::ROWS*E-1:0] rows, rows_skewed;
  logic [chip::TARGET_BITS-1:0] target;
  logic [chip::COLUMNS*32-1:0] sums;
  assign head_swaps = head[MATRIX*256+:8] == isa::OP_MATMUL && head[MATRIX*256+isa::MATMUL_SWAP_LSB];
  assign head_pushes = head[PUSH*256+:8] == isa::OP_PUSH;
  assign issue[MATRIX] = ready[MATRIX] && (!head_swaps || swap_allowed);
  assign issue[PUSH] = ready[PUSH] && (!head_pushes || push_allowed);

  interlock weight_interlock (
      .clk(clk),
      .reset(reset),
      .tile_done(tile_done),
      .swap_issue(issue[MATRIX] && head_swaps),
      .push_issue(issue[PUSH] && head_pushes),
      .swap_allowed(swap_allowed),
      .push_allowed(push_allowed)
  );
  push push_unit (
      .clk(clk),
      .reset(reset),
      .issue(issue[PUSH]),
      .word(head[PUSH*256+:256]),
      .busy(busy[PUSH]),
      .finishing(finishing[PUSH]),
      .tile_done(tile_done),
      .signal(push_signal),
      .address(push_address),
      .bytes(push_bytes),
      .weights(weights)
  );
  ends push_ends (
      .clk(clk),
      .reset(reset),
      .enter(1'b0),
      .enter_mask(16'd0),
      .attach(finishing[PUSH]),
      .attach_mask(push_signal),
      .end_oldest(1'b0),
      .empty(open_empty[PUSH]),
      .gives(gives[PUSH*chip::RECEIVERS*G+:chip::RECEIVERS*G])
  );
  feeder matrix_feeder (
      .clk(clk),
      .reset(reset),
      .issue(issue[MATRIX]),
      .word(head[MATRIX*256+:256]),
      .busy(busy[MATRIX]),
      .finishing(finishing[MATRIX]),
      .attach(matrix_attach),
      .signal(matrix_signal),
      .address(feeder_address),
      .bytes(feeder_bytes),
      .row(rows),
      .target(target)
  );
  ends matrix_ends (
      .clk(clk),
      .reset(reset),
      .enter(issue[MATRIX] && head[MATRIX*256+:8] == isa::OP_MATMUL),
      .enter_mask(head[MATRIX*256+isa::SIGNAL_LSB+:16]),
      .attach(matrix_attach),
      .attach_mask(matrix_signal),
      .end_oldest(ending),
      .empty(open_empty[MATRIX]),
      .gives(gives[MATRIX*chip::RECEIVERS*G+:chip::RECEIVERS*G])
  );
  staging #(.LANES(chip::ROWS), .WIDTH(E)) row_staging (.clk(clk), .reset(reset), .in(rows), .out(rows_skewed));
  staging #(.LANES(chip::COLUMNS), .WIDTH(E)) weight_staging (.clk(clk), .reset(reset), .in(weights), .out(weights_skewed));
  array elements (.clk(clk), .reset(reset), .rows(rows_skewed), .weights(weights_skewed), .sums(sums));

  logic [chip::DMAS*chip::ACC_BITS-1:0] accumulator_row;
  logic [chip::DMAS*chip::COLUMNS*32-1:0] accumulator_words;
  logic [chip::WIDTH*chip::WORD_BITS-1:0] lane_sum_address;
  logic [chip::WIDTH*32-1:0] lane_sums, lane_sum_words;
  logic [chip::WIDTH-1:0] lane_sum_write;
  accumulators memory (
      .clk(clk),
      .reset(reset),
      .target(target),
      .sums(sums),
      .ending(ending),
      .read_row(accumulator_row),
      .read_words(accumulator_words),
      .lane_address(lane_sum_address),
      .lane_words(lane_sums),
      .lane_write(lane_sum_write),
      .lane_write_words(lane_sum_words)
  );

  logic vector_attach, vector_ending;
  logic [15:0] vector_signal;
  assign issue[VECTOR] = ready[VECTOR];
  vpu vector_unit (
      .clk(clk),
      .reset(reset),
      .issue(issue[VECTOR]),
      .word(head[VECTOR*256+:256]),
      .busy(busy[VECTOR]),
      .finishing(finishing[VECTOR]),
      .attach(vector_attach),
      .signal(vector_signal),
      .ending(vector_ending),
      .host_write(host_micro_write),
      .host_address(host_micro_address),
      .host_word(host_micro_word),
      .read_address(lane_read_address),
      .read_bytes(lane_read_bytes),
      .write_address(lane_write_address),
      .write_size(lane_write_size),
      .write_bytes(lane_write_bytes),
      .sum_address(lane_sum_address),
      .sum_words(lane_sums),
      .sum_write(lane_sum_write),
      .sum_write_words(lane_sum_words)
  );
  ends vector_ends (
      .clk(clk),
      .reset(reset),
      .enter(issue[VECTOR] && head[VECTOR*256+:8] == isa::OP_RUN),
      .enter_mask(head[VECTOR*256+isa::SIGNAL_LSB+:16]),
      .attach(vector_attach && finishing[VECTOR]),
      .attach_mask(vector_signal),
      .end_oldest(vector_ending),
      .empty(open_empty[VECTOR]),
      .gives(gives[VECTOR*chip::RECEIVERS*G+:chip::RECEIVERS*G])
  );

  generate
    for (d = 0; d < chip::DMAS; d = d + 1) begin : transfer
      logic attach, ended;
      logic [15:0] signal;
      assign issue[d] = ready[d];
      dma engine (
          .clk(clk),
          .reset(reset),
          .issue(issue[d]),
          .word(head[d*256+:256]),
          .busy(busy[d]),
          .finishing(finishing[d]),
          .attach(attach),
          .signal(signal),
          .ended(ended),
          .request(request[d]),
          .request_write(request_write[d]),
          .request_last(request_last[d]),
          .request_address(request_address[d*36+:36]),
          .request_size(request_size[d*chip::SIZE_BITS+:chip::SIZE_BITS]),
          .grant(grant[d]),
          .write_data(write_data[d*chip::BURST_BYTES*8+:chip::BURST_BYTES*8]),
          .answer(answer[d]),
          .answer_data(answer_data[d*chip::BURST_BYTES*8+:chip::BURST_BYTES*8]),
          .local_read_address(dma_read_address[d*A+:A]),
          .local_read_bytes(dma_read_bytes[d*chip::BURST_BYTES*8+:chip::BURST_BYTES*8]),
          .accumulator_row(accumulator_row[d*chip::ACC_BITS+:chip::ACC_BITS]),
          .accumulator_words(accumulator_words[d*chip::COLUMNS*32+:chip::COLUMNS*32]),
          .local_write_address(dma_write_address[d*A+:A]),
          .local_write_size(dma_write_size[d*chip::SIZE_BITS+:chip::SIZE_BITS]),
          .local_write_bytes(dma_write_bytes[d*chip::BURST_BYTES*8+:chip::BURST_BYTES*8])
      );
      ends order (
          .clk(clk),
          .reset(reset),
          .enter(issue[d] && (head[d*256+:8] == isa::OP_LOAD || head[d*256+:8] == isa::OP_STORE)),
          .enter_mask(head[d*256+isa::SIGNAL_LSB+:16]),
          .attach(attach),
          .attach_mask(signal),
          .end_oldest(ended),
          .empty(open_empty[d]),
          .gives(gives[d*chip::RECEIVERS*G+:chip::RECEIVERS*G])
      );
    end
  endgenerate
endmodule
