// One core. The host loads and starts it through an AXI4-Lite slave (axi_control.sv); far memory is behind one AXI4 master per DMA engine (axi_master.sv), the
// engines' signals side by side, engine 0 lowest. `running` from cycle 0 of the program on; `halted`: it has ended.
module systole (
    input  logic                                      clk,
    input  logic                                      aresetn,
    output logic                                      running,
    output logic                                      halted,
    input  logic [chip::CONTROL_BITS-1:0]              s_axi_awaddr,
    input  logic                                       s_axi_awvalid,
    output logic                                       s_axi_awready,
    input  logic [32-1:0]                              s_axi_wdata,
    input  logic [4-1:0]                               s_axi_wstrb,
    input  logic                                       s_axi_wvalid,
    output logic                                       s_axi_wready,
    output logic [2-1:0]                               s_axi_bresp,
    output logic                                       s_axi_bvalid,
    input  logic                                       s_axi_bready,
    input  logic [chip::CONTROL_BITS-1:0]              s_axi_araddr,
    input  logic                                       s_axi_arvalid,
    output logic                                       s_axi_arready,
    output logic [32-1:0]                              s_axi_rdata,
    output logic [2-1:0]                               s_axi_rresp,
    output logic                                       s_axi_rvalid,
    input  logic                                       s_axi_rready,
    output logic [chip::DMAS*chip::AXI_ID_BITS-1:0]    m_axi_awid,
    output logic [chip::DMAS*36-1:0]                   m_axi_awaddr,
    output logic [chip::DMAS*8-1:0]                    m_axi_awlen,
    output logic [chip::DMAS*3-1:0]                    m_axi_awsize,
    output logic [chip::DMAS*2-1:0]                    m_axi_awburst,
    output logic [chip::DMAS-1:0]                      m_axi_awlock,
    output logic [chip::DMAS*4-1:0]                    m_axi_awcache,
    output logic [chip::DMAS*3-1:0]                    m_axi_awprot,
    output logic [chip::DMAS*4-1:0]                    m_axi_awqos,
    output logic [chip::DMAS*2-1:0]                    m_axi_awuser,
    output logic [chip::DMAS-1:0]                      m_axi_awvalid,
    input  logic [chip::DMAS-1:0]                      m_axi_awready,
    output logic [chip::DMAS*chip::BURST_BYTES*8-1:0]  m_axi_wdata,
    output logic [chip::DMAS*chip::BURST_BYTES-1:0]    m_axi_wstrb,
    output logic [chip::DMAS-1:0]                      m_axi_wlast,
    output logic [chip::DMAS-1:0]                      m_axi_wvalid,
    input  logic [chip::DMAS-1:0]                      m_axi_wready,
    /* verilator lint_off UNUSEDSIGNAL */   // one identifier a port, one beat a transaction
    input  logic [chip::DMAS*chip::AXI_ID_BITS-1:0]    m_axi_bid,
    /* verilator lint_on UNUSEDSIGNAL */
    input  logic [chip::DMAS*2-1:0]                    m_axi_bresp,
    input  logic [chip::DMAS-1:0]                      m_axi_bvalid,
    output logic [chip::DMAS-1:0]                      m_axi_bready,
    output logic [chip::DMAS*chip::AXI_ID_BITS-1:0]    m_axi_arid,
    output logic [chip::DMAS*36-1:0]                   m_axi_araddr,
    output logic [chip::DMAS*8-1:0]                    m_axi_arlen,
    output logic [chip::DMAS*3-1:0]                    m_axi_arsize,
    output logic [chip::DMAS*2-1:0]                    m_axi_arburst,
    output logic [chip::DMAS-1:0]                      m_axi_arlock,
    output logic [chip::DMAS*4-1:0]                    m_axi_arcache,
    output logic [chip::DMAS*3-1:0]                    m_axi_arprot,
    output logic [chip::DMAS*4-1:0]                    m_axi_arqos,
    output logic [chip::DMAS*2-1:0]                    m_axi_aruser,
    output logic [chip::DMAS-1:0]                      m_axi_arvalid,
    input  logic [chip::DMAS-1:0]                      m_axi_arready,
    /* verilator lint_off UNUSEDSIGNAL */   // one identifier a port, one beat a transaction
    input  logic [chip::DMAS*chip::AXI_ID_BITS-1:0]    m_axi_rid,
    input  logic [chip::DMAS-1:0]                      m_axi_rlast,
    /* verilator lint_on UNUSEDSIGNAL */
    input  logic [chip::DMAS*chip::BURST_BYTES*8-1:0]  m_axi_rdata,
    input  logic [chip::DMAS*2-1:0]                    m_axi_rresp,
    input  logic [chip::DMAS-1:0]                      m_axi_rvalid,
    output logic [chip::DMAS-1:0]                      m_axi_rready
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

  logic reset, halt, program_write, micro_write;
  logic [chip::PROGRAM_BITS+2:0] host_address;
  logic [31:0] host_data;
  logic [chip::DMAS-1:0] failed;
  assign reset = !running;
  axi_control control (
      .clk(clk),
      .aresetn(aresetn),
      .s_axi_awaddr(s_axi_awaddr),
      .s_axi_awvalid(s_axi_awvalid),
      .s_axi_awready(s_axi_awready),
      .s_axi_wdata(s_axi_wdata),
      .s_axi_wstrb(s_axi_wstrb),
      .s_axi_wvalid(s_axi_wvalid),
      .s_axi_wready(s_axi_wready),
      .s_axi_bresp(s_axi_bresp),
      .s_axi_bvalid(s_axi_bvalid),
      .s_axi_bready(s_axi_bready),
      .s_axi_araddr(s_axi_araddr),
      .s_axi_arvalid(s_axi_arvalid),
      .s_axi_arready(s_axi_arready),
      .s_axi_rdata(s_axi_rdata),
      .s_axi_rresp(s_axi_rresp),
      .s_axi_rvalid(s_axi_rvalid),
      .s_axi_rready(s_axi_rready),
      .run(running),
      .halt(halt),
      .failed(failed != '0),
      .halted(halted),
      .program_write(program_write),
      .micro_write(micro_write),
      .host_address(host_address),
      .host_data(host_data)
  );

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
      .host_write(program_write),
      .host_address(host_address),
      .host_data(host_data),
      .given(given[0+:chip::GIVERS*G]),
      .full(full),
      .drained(empty == '1 && busy == '0 && open_empty == '1),
      .dispatch(dispatch),
      .dispatch_word(dispatch_word),
      .halted(halt)
  );

  // VMEM and its ports.
  logic [A-1:0] feeder_address, push_address;
  logic [chip::FEEDER_BYTES*8-1:0] feeder_bytes;
  logic [chip::PUSH_BYTES*8-1:0] push_bytes;
  logic [chip::DMAS*A-1:0] dma_read_address, dma_write_address, index_address;
  logic [chip::DMAS*32-1:0] index_words;
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
      .index_address(index_address),
      .index_words(index_words),
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
  logic [chip::COLUMNS*(E+1)-1:0] weights, weights_staged;
  logic [chip::ROWS*chip::OPERAND_BITS-1:0] tile_line;
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
      .push_dispatch(dispatch[PUSH] && dispatch_word[7:0] == isa::OP_PUSH),
      .matmul_dispatch(dispatch[MATRIX] && dispatch_word[7:0] == isa::OP_MATMUL),
      .matmul_ending(ending),
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
      .weights(weights),
      .line(tile_line)
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
  staging #(.LANES(chip::COLUMNS), .WIDTH(E + 1)) weight_staging (.clk(clk), .reset(reset), .in(weights), .out(weights_staged));
  generate
    for (d = 0; d < chip::COLUMNS; d = d + 1) begin : column
      turn top (.clk(clk), .in(weights_staged[d*(E+1)+:E+1]), .line(tile_line), .out(weights_skewed[d*E+:E]));
    end
  endgenerate
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
      .host_write(micro_write),
      .host_address(host_address[chip::MICRO_BITS:0]),
      .host_data(host_data),
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
      logic attach, ended, request, request_write, request_last, grant, answer;
      logic [15:0] signal;
      logic [35:0] request_address;
      logic [chip::SIZE_BITS-1:0] request_size;
      logic [chip::BURST_BYTES*8-1:0] write_data, answer_data;
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
          .request(request),
          .request_write(request_write),
          .request_last(request_last),
          .request_address(request_address),
          .request_size(request_size),
          .grant(grant),
          .write_data(write_data),
          .answer(answer),
          .answer_data(answer_data),
          .local_read_address(dma_read_address[d*A+:A]),
          .local_read_bytes(dma_read_bytes[d*chip::BURST_BYTES*8+:chip::BURST_BYTES*8]),
          .accumulator_row(accumulator_row[d*chip::ACC_BITS+:chip::ACC_BITS]),
          .accumulator_words(accumulator_words[d*chip::COLUMNS*32+:chip::COLUMNS*32]),
          .index_address(index_address[d*A+:A]),
          .index_word(index_words[d*32+:32]),
          .local_write_address(dma_write_address[d*A+:A]),
          .local_write_size(dma_write_size[d*chip::SIZE_BITS+:chip::SIZE_BITS]),
          .local_write_bytes(dma_write_bytes[d*chip::BURST_BYTES*8+:chip::BURST_BYTES*8])
      );
      axi_master #(.ID(d)) bus (
          .clk(clk),
          .reset(reset),
          .request(request),
          .request_write(request_write),
          .request_last(request_last),
          .request_address(request_address),
          .request_size(request_size),
          .grant(grant),
          .write_data(write_data),
          .answer(answer),
          .answer_data(answer_data),
          .failed(failed[d]),
          .awid(m_axi_awid[d*chip::AXI_ID_BITS+:chip::AXI_ID_BITS]),
          .awaddr(m_axi_awaddr[d*36+:36]),
          .awuser(m_axi_awuser[d*2+:2]),
          .awvalid(m_axi_awvalid[d]),
          .awready(m_axi_awready[d]),
          .wdata(m_axi_wdata[d*chip::BURST_BYTES*8+:chip::BURST_BYTES*8]),
          .wstrb(m_axi_wstrb[d*chip::BURST_BYTES+:chip::BURST_BYTES]),
          .wvalid(m_axi_wvalid[d]),
          .wready(m_axi_wready[d]),
          .bresp(m_axi_bresp[d*2+:2]),
          .bvalid(m_axi_bvalid[d]),
          .bready(m_axi_bready[d]),
          .arid(m_axi_arid[d*chip::AXI_ID_BITS+:chip::AXI_ID_BITS]),
          .araddr(m_axi_araddr[d*36+:36]),
          .aruser(m_axi_aruser[d*2+:2]),
          .arvalid(m_axi_arvalid[d]),
          .arready(m_axi_arready[d]),
          .rdata(m_axi_rdata[d*chip::BURST_BYTES*8+:chip::BURST_BYTES*8]),
          .rresp(m_axi_rresp[d*2+:2]),
          .rvalid(m_axi_rvalid[d]),
          .rready(m_axi_rready[d])
      );
      assign m_axi_awlen[d*8+:8] = 8'd0;
      assign m_axi_awsize[d*3+:3] = 3'(chip::SIZE_BITS-1);
      assign m_axi_awburst[d*2+:2] = 2'b01;
      assign m_axi_awlock[d] = 1'b0;
      assign m_axi_awcache[d*4+:4] = 4'b0011;
      assign m_axi_awprot[d*3+:3] = 3'b000;
      assign m_axi_awqos[d*4+:4] = 4'd0;
      assign m_axi_arlen[d*8+:8] = 8'd0;
      assign m_axi_arsize[d*3+:3] = 3'(chip::SIZE_BITS-1);
      assign m_axi_arburst[d*2+:2] = 2'b01;
      assign m_axi_arlock[d] = 1'b0;
      assign m_axi_arcache[d*4+:4] = 4'b0011;
      assign m_axi_arprot[d*3+:3] = 3'b000;
      assign m_axi_arqos[d*4+:4] = 4'd0;
      assign m_axi_wlast[d] = 1'b1;
      ends order (
          .clk(clk),
          .reset(reset),
          .enter(issue[d] && (head[d*256+:8] == isa::OP_LOAD || head[d*256+:8] == isa::OP_STORE || head[d*256+:8] == isa::OP_GATHER)),
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
