// Fetches one word a cycle, runs loops, forms effective addresses, and puts the words of the units into their queues.
module sequencer (
    input  logic                                     clk,
    input  logic                                     reset,
    input  logic                                     host_write,
    input  logic [              chip::PROGRAM_BITS+2:0] host_address,   // of an eighth of a word
    input  logic [                              31:0] host_data,
    input  logic [chip::GIVERS*chip::GIVE_BITS-1:0] given,
    input  logic [                chip::GIVERS-1:0] full,
    input  logic                                     drained,
    output logic [                chip::GIVERS-1:0] dispatch,
    output logic [                           255:0] dispatch_word,
    output logic                                     halted
);
  localparam int P = chip::PROGRAM_BITS;
  logic [203:0] stride_sets[0:31];
  logic [255:0] word;
  logic [P-1:0] pc, next_pc;
  logic [2:0] depth;
  logic [191:0] indices;
  logic [191:0] counts;
  logic [6*P-1:0] starts;

  initial begin : clear
    integer i;
    for (i = 0; i < 32; i = i + 1) stride_sets[i] = 204'd0;
  end

  logic [7:0] opcode;
  logic [3:0] unit;
  logic scalar, visible, done;
  logic [chip::GIVERS-1:0] target;
  assign opcode = word[7:0];
  assign unit   = word[isa::UNIT_LSB+:4];
  assign scalar = unit == 4'd0;
  genvar g;
  generate
    for (g = 0; g < chip::GIVERS; g = g + 1) begin : giver
      localparam int UNIT = g < chip::DMAS ? isa::FIRST_DMA + g : g == chip::DMAS + 2 ? isa::VECTOR : isa::FIRST_PUSH + g - chip::DMAS;
      assign target[g] = unit == 4'(UNIT);
    end
  endgenerate

  assign halted   = !reset && scalar && opcode == isa::OP_HALT && visible && drained;
  assign done     = scalar ? visible && opcode != isa::OP_HALT : (target & full) == '0;
  assign dispatch = done && !scalar && !reset ? target : '0;

  tokens counters (
      .clk(clk),
      .reset(reset),
      .given(given),
      .wait_mask(scalar ? word[isa::WAIT_LSB+:16] : 16'd0),
      .take(scalar && done),
      .visible(visible)
  );

  // Loops.
  logic is_loop, is_end, again;
  logic [2:0] inner;
  assign is_loop = scalar && opcode == isa::OP_LOOP;
  assign is_end  = scalar && opcode == isa::OP_END;
  assign inner   = depth - 3'd1;
  assign again   = is_end && indices[32*32'(inner)+:32] + 32'd1 < counts[32*32'(inner)+:32];
  always_comb begin
    next_pc = pc;
    if (reset) next_pc = '0;
    else if (done) next_pc = again ? starts[P*32'(inner)+:P] : pc + 1'b1;
  end

  program_memory code (
      .clk(clk),
      .write(host_write),
      .write_address(host_address),
      .write_data(host_data),
      .read_address(next_pc),
      .read_word(word)
  );
  always_ff @(posedge clk) pc <= next_pc;

  always_ff @(posedge clk) begin
    if (reset) begin
      depth   <= 3'd0;
      indices <= 192'd0;
      counts  <= 192'd0;
      starts  <= '0;
    end else if (done && is_loop) begin
      depth                        <= depth + 3'd1;
      indices[32*32'(depth)+:32] <= 32'd0;
      counts[32*32'(depth)+:32]  <= word[isa::LOOP_COUNT_LSB+:32];
      starts[P*32'(depth)+:P]    <= pc + 1'b1;
    end else if (done && is_end) begin
      if (again) indices[32*32'(inner)+:32] <= indices[32*32'(inner)+:32] + 32'd1;
      else depth <= inner;
    end
  end

  always_ff @(posedge clk)
    if (done && scalar && opcode == isa::OP_STRIDES && !reset)
      stride_sets[word[isa::STRIDES_SET_LSB+:5]] <= word[isa::STRIDES_S0_LSB+:204];

  // Effective addresses: at most two fields of a word have a stride set.
  logic [4:0] set_a, set_b;
  logic [35:0] sum_a;
  /* verilator lint_off UNUSEDSIGNAL */
  logic [35:0] sum_b;   // local addresses have fewer bits
  /* verilator lint_on UNUSEDSIGNAL */
  always_comb begin
    set_a = 5'd0;
    set_b = 5'd0;
    case (opcode)
      isa::OP_LOAD: begin
        set_a = word[isa::LOAD_FAR_STRIDES_LSB+:5];
        set_b = word[isa::LOAD_LOCAL_STRIDES_LSB+:5];
      end
      isa::OP_STORE: begin
        set_a = word[isa::STORE_FAR_STRIDES_LSB+:5];
        set_b = word[isa::STORE_LOCAL_STRIDES_LSB+:5];
      end
      isa::OP_GATHER: begin
        set_a = word[isa::GATHER_INDEX_STRIDES_LSB+:5];
        set_b = word[isa::GATHER_LOCAL_STRIDES_LSB+:5];
      end
      isa::OP_PUSH: set_a = word[isa::PUSH_WEIGHTS_STRIDES_LSB+:5];
      isa::OP_MATMUL: begin
        set_a = word[isa::MATMUL_SOURCE_STRIDES_LSB+:5];
        set_b = word[isa::MATMUL_ACCUMULATOR_STRIDES_LSB+:5];
      end
      isa::OP_BIND: set_a = word[isa::BIND_BASE_STRIDES_LSB+:5];
      default: ;
    endcase
  end
  stride_sum add_a (.strides(set_a == 5'd0 ? 204'd0 : stride_sets[set_a]), .indices(indices), .depth(depth), .sum(sum_a));
  stride_sum add_b (.strides(set_b == 5'd0 ? 204'd0 : stride_sets[set_b]), .indices(indices), .depth(depth), .sum(sum_b));

  always_comb begin
    dispatch_word = word;
    case (opcode)
      isa::OP_LOAD: begin
        dispatch_word[isa::LOAD_FAR_LSB+:36] = word[isa::LOAD_FAR_LSB+:36] + sum_a;
        dispatch_word[isa::LOAD_LOCAL_LSB+:32] = word[isa::LOAD_LOCAL_LSB+:32] + sum_b[31:0];
      end
      isa::OP_STORE: begin
        dispatch_word[isa::STORE_FAR_LSB+:36] = word[isa::STORE_FAR_LSB+:36] + sum_a;
        dispatch_word[isa::STORE_LOCAL_LSB+:32] = word[isa::STORE_LOCAL_LSB+:32] + sum_b[31:0];
      end
      isa::OP_GATHER: begin
        dispatch_word[isa::GATHER_INDEX_LSB+:32] = word[isa::GATHER_INDEX_LSB+:32] + sum_a[31:0];
        dispatch_word[isa::GATHER_LOCAL_LSB+:32] = word[isa::GATHER_LOCAL_LSB+:32] + sum_b[31:0];
      end
      isa::OP_PUSH: dispatch_word[isa::PUSH_WEIGHTS_LSB+:32] = word[isa::PUSH_WEIGHTS_LSB+:32] + sum_a[31:0];
      isa::OP_MATMUL: begin
        dispatch_word[isa::MATMUL_SOURCE_LSB+:32] = word[isa::MATMUL_SOURCE_LSB+:32] + sum_a[31:0];
        dispatch_word[isa::MATMUL_ACCUMULATOR_LSB+:28] = word[isa::MATMUL_ACCUMULATOR_LSB+:28] + sum_b[27:0];
      end
      isa::OP_BIND: dispatch_word[isa::BIND_BASE_LSB+:36] = word[isa::BIND_BASE_LSB+:36] + sum_a;
      default: ;
    endcase
  end
endmodule
