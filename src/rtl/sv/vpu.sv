// The vector unit: bindings and window, the walk of a run through its micro-program (docs/machine.md section 5: one slot of the
// schedule a cycle), and WIDTH lanes. An operation reads and writes in its cycle; a load's element comes a cycle later.
module vpu (
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
    output logic                          ending,         // the oldest open run ends
    input  logic                          host_write,
    input  logic [   chip::MICRO_BITS:0] host_address,   // of half a micro-operation
    input  logic [                  31:0] host_data,
    // per lane: VMEM, 8 bytes at any address; accumulators, a word
    output logic [chip::WIDTH*chip::VMEM_BITS-1:0] read_address,
    input  logic [     chip::WIDTH*64-1:0] read_bytes,
    output logic [chip::WIDTH*chip::VMEM_BITS-1:0] write_address,
    output logic [      chip::WIDTH*4-1:0] write_size,
    output logic [     chip::WIDTH*64-1:0] write_bytes,
    output logic [chip::WIDTH*chip::WORD_BITS-1:0] sum_address,
    input  logic [     chip::WIDTH*32-1:0] sum_words,
    output logic [       chip::WIDTH-1:0] sum_write,
    output logic [     chip::WIDTH*32-1:0] sum_write_words
);
  localparam int W = chip::WIDTH;
  localparam int M = chip::MICRO_BITS;
  localparam int A = chip::VMEM_BITS;
  localparam logic [2:0] PROLOGUE = 3'd0;
  localparam logic [2:0] BODY = 3'd1;
  localparam logic [2:0] COMBINE = 3'd2;
  localparam logic [2:0] TREE = 3'd3;
  localparam logic [2:0] EPILOGUE = 3'd4;
  localparam logic [2:0] DONE = 3'd5;

  // The word in its busy cycles; a run's counts a cycle earlier, too.
  logic running, is_bind, is_window;
  /* verilator lint_off UNUSEDSIGNAL */
  logic [255:0] held, fields;
  /* verilator lint_on UNUSEDSIGNAL */
  assign fields = issue ? word : held;
  assign signal = held[isa::SIGNAL_LSB+:16];

  // Bindings and window in force.
  /* verilator lint_off UNUSEDSIGNAL */
  logic [255:0] binds[0:7];
  logic [255:0] window, bind_word;
  /* verilator lint_on UNUSEDSIGNAL */
  always_ff @(posedge clk) begin
    if (reset) window <= '0;
    else if (is_window) window <= held;
    if (is_bind) binds[held[isa::BIND_SLOT_LSB+:3]] <= held;
  end

  // The run.
  logic [9:0] prologue_size, body_size, epilogue_size;
  logic [M-1:0] program_start, body_start, epilogue_start;
  logic [3:0] mode;
  logic reduction;
  logic [4:0] result_register;
  assign prologue_size = held[isa::RUN_PROLOGUE_LSB+:10];
  assign body_size = held[isa::RUN_BODY_LSB+:10];
  assign epilogue_size = held[isa::RUN_EPILOGUE_LSB+:10];
  assign program_start = held[isa::RUN_PROGRAM_LSB+:M];
  assign body_start = program_start + M'(prologue_size);
  assign epilogue_start = body_start + M'(body_size);
  assign mode = held[isa::RUN_MODE_LSB+:4];
  assign reduction = mode != 4'd0;
  assign result_register = held[isa::RUN_RESULT_LSB+:5];

  // Where a group begins: of the run that stands, and of the one that issues.
  logic [2:0] after_body, to_body, group_start, first_phase;
  logic [M-1:0] first_pc;
  assign after_body = epilogue_size != 10'd0 ? EPILOGUE : DONE;
  assign to_body = body_size != 10'd0 ? BODY : reduction ? COMBINE : after_body;
  assign group_start = prologue_size != 10'd0 ? PROLOGUE : to_body;
  assign first_phase = word[isa::RUN_PROLOGUE_LSB+:10] != 10'd0 ? PROLOGUE
                     : word[isa::RUN_BODY_LSB+:10] != 10'd0 ? BODY
                     : word[isa::RUN_MODE_LSB+:4] != 4'd0 ? COMBINE
                     : word[isa::RUN_EPILOGUE_LSB+:10] != 10'd0 ? EPILOGUE : DONE;
  assign first_pc = word[isa::RUN_PROGRAM_LSB+:M];   // of the first phase with operations: those before it have none

  // The slot of the schedule.
  logic [2:0] phase, next_phase, follows;
  logic [M-1:0] pc, next_pc;
  logic [7:0] stood;
  logic [19:0] i0, i1, i2, i3, t0, t1, next_i0, next_i1, next_i2, next_i3, next_t0, next_t1;
  logic [23:0] i4, next_i4;
  logic last_group, last_tap, first_round, tap_step, group_step, slot_done, phase_end, last_round;
  logic [7:0] tree_size, tree_half;   // partials of the tree's level; how many stay
  assign tree_half = (tree_size + 8'd1) >> 1;

  /* verilator lint_off UNUSEDSIGNAL */
  logic [63:0] op;
  /* verilator lint_on UNUSEDSIGNAL */
  logic [5:0] opcode;
  logic [4:0] op_d, op_a, op_b, op_c;
  logic [1:0] immediate_at;
  logic [31:0] immediate;
  assign opcode = op[isa::MICRO_OPCODE_LSB+:6];
  assign op_d = op[isa::MICRO_D_LSB+:5];
  assign op_a = op[isa::MICRO_A_LSB+:5];
  assign op_b = op[isa::MICRO_B_LSB+:5];
  assign op_c = op[isa::MICRO_C_LSB+:5];
  assign immediate_at = op[isa::MICRO_IMMEDIATE_AT_LSB+:2];
  assign immediate = op[isa::MICRO_IMMEDIATE_LSB+:32];
  assign bind_word = binds[op[isa::MICRO_SLOT_LSB+:3]];

  micro_memory microcode (
      .clk(clk),
      .write(host_write),
      .write_address(host_address),
      .write_data(host_data),
      .read_address(next_pc),
      .read_word(op)
  );

  logic has_op, is_load, is_store, strided, in_body;
  assign has_op = running && (phase == PROLOGUE || phase == BODY || phase == EPILOGUE);
  assign in_body = phase == BODY || phase == COMBINE;
  assign is_load = has_op && opcode == isa::MICRO_LOAD;
  assign is_store = has_op && opcode == isa::MICRO_STORE;
  assign slot_done = !(is_load || is_store) || !strided || stood == 8'(chip::STRIDED_CYCLES - 1);
  assign last_round = phase == COMBINE && last_tap;

  // The fastest stride of the stream: of the last dimension (in a reduction: tap) with a count above 1.
  /* verilator lint_off UNUSEDSIGNAL */
  logic [21:0] fastest;
  /* verilator lint_on UNUSEDSIGNAL */
  always_comb begin
    fastest = 22'd0;
    if (reduction) begin
      if (held[isa::RUN_W1_LSB+:20] != 20'd1) fastest = bind_word[isa::BIND_W1_LSB+:22];
      else if (held[isa::RUN_W0_LSB+:20] != 20'd1) fastest = bind_word[isa::BIND_W0_LSB+:22];
    end else if (held[isa::RUN_D4_LSB+:24] != 24'd1) fastest = bind_word[isa::BIND_S4_LSB+:22];
    else if (held[isa::RUN_D3_LSB+:20] != 20'd1) fastest = bind_word[isa::BIND_S3_LSB+:22];
    else if (held[isa::RUN_D2_LSB+:20] != 20'd1) fastest = bind_word[isa::BIND_S2_LSB+:22];
    else if (held[isa::RUN_D1_LSB+:20] != 20'd1) fastest = bind_word[isa::BIND_S1_LSB+:22];
    else if (held[isa::RUN_D0_LSB+:20] != 20'd1) fastest = bind_word[isa::BIND_S0_LSB+:22];
    strided = fastest[21:1] != 21'd0;
  end

  // What comes after this slot.
  always_comb begin
    case (phase)
      PROLOGUE: phase_end = pc + 1'b1 == body_start;
      BODY: phase_end = pc + 1'b1 == epilogue_start;
      EPILOGUE: phase_end = pc + 1'b1 == epilogue_start + M'(epilogue_size);
      default: phase_end = 1'b1;
    endcase
    phase_end = phase_end && slot_done;
    tap_step = 1'b0;
    follows = phase;
    if (phase_end) begin
      case (phase)
        PROLOGUE: follows = to_body;
        BODY: begin
          tap_step = !reduction && !last_tap;
          follows = reduction ? COMBINE : last_tap ? after_body : BODY;
        end
        COMBINE: begin
          tap_step = !last_tap;
          follows = !last_tap ? to_body : tree_size > 8'd1 ? TREE : after_body;
        end
        TREE: follows = tree_half > 8'd1 ? TREE : after_body;
        default: follows = DONE;
      endcase
    end
    group_step = running && phase_end && follows == DONE;
    finishing = busy && (!running || (group_step && (last_group || phase == DONE)));
  end
  always_comb begin
    next_phase = issue ? first_phase : group_step ? group_start : follows;
    if (issue) begin
      next_pc = first_pc;
    end else if (phase_end) begin
      next_pc = next_phase == PROLOGUE ? program_start : next_phase == EPILOGUE ? epilogue_start : body_start;
    end else begin
      next_pc = slot_done ? pc + 1'b1 : pc;
    end
  end
  assign attach = busy && !running;

  logic [7:0] taps_or_lanes;   // min(taps, lanes)
  always_comb begin
    taps_or_lanes = 8'(chip::LANES);
    if (fields[isa::RUN_W0_LSB+:20] < 20'(chip::LANES) && fields[isa::RUN_W1_LSB+:20] < 20'(chip::LANES)
        && {12'd0, fields[isa::RUN_W0_LSB+:20]} * {12'd0, fields[isa::RUN_W1_LSB+:20]} < 32'(chip::LANES))
      taps_or_lanes = fields[isa::RUN_W0_LSB+:8] * fields[isa::RUN_W1_LSB+:8];
  end

  always_ff @(posedge clk) begin
    if (reset) begin
      busy      <= 1'b0;
      running   <= 1'b0;
      is_bind   <= 1'b0;
      is_window <= 1'b0;
    end else if (issue) begin
      busy      <= 1'b1;
      running   <= word[7:0] == isa::OP_RUN;
      is_bind   <= word[7:0] == isa::OP_BIND;
      is_window <= word[7:0] == isa::OP_WINDOW;
    end else if (finishing) begin
      busy      <= 1'b0;
      running   <= 1'b0;
      is_bind   <= 1'b0;
      is_window <= 1'b0;
    end
    if (issue) held <= word;
    phase <= next_phase;
    pc <= next_pc;
    stood <= issue || slot_done ? 8'd0 : stood + 8'd1;
    if (issue || group_step || phase != TREE) tree_size <= taps_or_lanes;
    else tree_size <= tree_half;
    if (issue) begin
      {i0, i1, i2, i3, i4} <= '0;
    end else if (group_step) begin
      i0 <= next_i0;
      i1 <= next_i1;
      i2 <= next_i2;
      i3 <= next_i3;
      i4 <= next_i4;
    end
    if (issue || group_step) begin
      {t0, t1} <= '0;
      first_round <= 1'b1;
    end else if (tap_step) begin
      t0 <= next_t0;
      t1 <= next_t1;
      first_round <= 1'b0;
    end
  end

  // A run's results are all visible VECTOR_LATENCY cycles after its last busy cycle.
  generate
    if (chip::VECTOR_LATENCY == 0) begin : no_tail
      assign ending = running && finishing;
    end else begin : tail
      logic [chip::VECTOR_LATENCY-1:0] drain;
      always_ff @(posedge clk)
        if (reset) drain <= '0;
        else drain <= chip::VECTOR_LATENCY'({drain, running && finishing});
      assign ending = drain[chip::VECTOR_LATENCY-1];
    end
  endgenerate

  // Registers written in this group, and in this round of a reduction's body: any other reads as 0 (in the body: as the prologue left it).
  logic [31:0] written, body_written, written_now, body_written_now;
  logic second_bank;
  assign second_bank = reduction && phase == BODY;
  always_comb begin
    written_now = written;
    body_written_now = body_written;
    if (has_op && !is_store && slot_done) begin
      if (second_bank) body_written_now = body_written | (32'd1 << op_d);
      else written_now = written | (32'd1 << op_d);
    end
    if (running && (last_round || phase == TREE)) written_now = written_now | (32'd1 << result_register);
    if (issue || group_step) written_now = 32'd0;
    if (phase == COMBINE) body_written_now = 32'd0;   // behind every round
  end
  always_ff @(posedge clk) begin
    written <= written_now;
    body_written <= reset ? 32'd0 : body_written_now;
  end

  // The load of the cycle before.
  logic arriving, arriving_sums;
  logic [5:0] arriving_place;
  logic [4:0] arriving_kind;
  logic [W-1:0] arriving_inside;
  always_ff @(posedge clk) begin
    arriving        <= is_load && slot_done && !reset;
    arriving_place  <= {second_bank, op_d};
    arriving_kind   <= bind_word[isa::BIND_TYPE_LSB+:5];
    arriving_sums   <= bind_word[isa::BIND_SPACE_LSB+:2] == 2'd3;
    arriving_inside <= in_window;
  end

  // Operands: {from, place}.
  function automatic logic [8:0] operand(input logic [4:0] number, input logic replaced, input logic [31:0] group_mask,
                                         input logic [31:0] body_mask, input logic came, input logic [5:0] came_place);
    logic [5:0] place;
    begin
      place = {body_mask[number], number};
      if (replaced) operand = {3'd2, place};
      else if (!body_mask[number] && !group_mask[number]) operand = {3'd0, place};
      else if (came && came_place == place) operand = {3'd3, place};
      else operand = {3'd1, place};
    end
  endfunction
  logic [31:0] body_mask;
  logic [8:0] from_a, from_b, from_c, from_result;
  assign body_mask = reduction && in_body ? body_written : 32'd0;
  assign from_a = operand(op_a, immediate_at == 2'd1 || opcode == isa::MICRO_CONST, written, body_mask, arriving, arriving_place);
  assign from_b = operand(op_b, immediate_at == 2'd2, written, body_mask, arriving, arriving_place);
  assign from_c = operand(op_c, immediate_at == 2'd3, written, body_mask, arriving, arriving_place);
  assign from_result = operand(result_register, 1'b0, written, body_mask, arriving, arriving_place);

  logic [5:0] combination, operation;
  always_comb begin
    case (mode)
      4'd1: combination = isa::MICRO_FADD;
      4'd2: combination = isa::MICRO_FMUL;
      4'd3: combination = isa::MICRO_FMAX;
      4'd4: combination = isa::MICRO_FMIN;
      4'd9: combination = isa::MICRO_IADD;
      4'd10: combination = isa::MICRO_IMUL;
      4'd11: combination = isa::MICRO_IMAX;
      4'd12: combination = isa::MICRO_IMIN;
      4'd5, 4'd13: combination = isa::MICRO_AND;
      default: combination = isa::MICRO_OR;
    endcase
  end
  logic opening;   // the first tap of each partial
  assign opening = phase == COMBINE && first_round;
  assign operation = has_op ? (opcode == isa::MICRO_CONST ? isa::MICRO_MOVE : opcode) : opening ? isa::MICRO_MOVE : combination;

  logic [8:0] a_source, b_source;
  assign a_source = has_op ? from_a : opening ? from_result : {3'd4, 6'd0};
  assign b_source = has_op ? from_b : phase == TREE ? {3'd5, 6'd0} : from_result;

  // Lanes.
  logic [35:0] stream_base;
  logic [4:0] stream_kind;
  logic [1:0] size_log;
  logic stream_sums, windowed;
  assign stream_kind = bind_word[isa::BIND_TYPE_LSB+:5];
  assign stream_base = bind_word[isa::BIND_BASE_LSB+:36];
  assign stream_sums = bind_word[isa::BIND_SPACE_LSB+:2] == 2'd3;
  assign windowed = window[isa::WINDOW_SLOTS_LSB+32'(op[isa::MICRO_SLOT_LSB+:3])];
  always_comb begin
    case (stream_kind)
      isa::TYPE_I16, isa::TYPE_UI16, isa::TYPE_BF16, isa::TYPE_F16, chip::FIXED_TYPE: size_log = 2'd1;
      isa::TYPE_I32, isa::TYPE_UI32, isa::TYPE_TF32, isa::TYPE_F32: size_log = 2'd2;
      isa::TYPE_I64, isa::TYPE_UI64: size_log = 2'd3;
      default: size_log = 2'd0;
    endcase
  end

  /* verilator lint_off UNUSEDSIGNAL */
  logic [W*36-1:0] offsets;
  /* verilator lint_on UNUSEDSIGNAL */
  logic [W*44-1:0] rows, columns;
  logic [W-1:0] element_there, tap_there, in_window;
  vpu_address address (
      .enable(running),
      .reduction(reduction),
      .in_body(in_body),
      .i0(i0),
      .i1(i1),
      .i2(i2),
      .i3(i3),
      .i4(i4),
      .last0(held[isa::RUN_D0_LSB+:20] - 20'd1),
      .last1(held[isa::RUN_D1_LSB+:20] - 20'd1),
      .last2(held[isa::RUN_D2_LSB+:20] - 20'd1),
      .last3(held[isa::RUN_D3_LSB+:20] - 20'd1),
      .last4(held[isa::RUN_D4_LSB+:24] - 24'd1),
      .t0(t0),
      .t1(t1),
      .last_t0(held[isa::RUN_W0_LSB+:20] - 20'd1),
      .last_t1(held[isa::RUN_W1_LSB+:20] - 20'd1),
      .s0(36'($signed(bind_word[isa::BIND_S0_LSB+:22]))),
      .s1(36'($signed(bind_word[isa::BIND_S1_LSB+:22]))),
      .s2(36'($signed(bind_word[isa::BIND_S2_LSB+:22]))),
      .s3(36'($signed(bind_word[isa::BIND_S3_LSB+:22]))),
      .s4(36'($signed(bind_word[isa::BIND_S4_LSB+:22]))),
      .w0(36'($signed(bind_word[isa::BIND_W0_LSB+:22]))),
      .w1(36'($signed(bind_word[isa::BIND_W1_LSB+:22]))),
      .row(44'($signed(window[isa::WINDOW_ROW_LSB+:20]))),
      .row_step(44'($signed(window[isa::WINDOW_ROW_STEP_LSB+:16]))),
      .row_tap(44'($signed(window[isa::WINDOW_ROW_TAP_LSB+:16]))),
      .row_dim(window[isa::WINDOW_ROW_DIM_LSB+:3]),
      .column(44'($signed(window[isa::WINDOW_COLUMN_LSB+:20]))),
      .column_step(44'($signed(window[isa::WINDOW_COLUMN_STEP_LSB+:16]))),
      .column_tap(44'($signed(window[isa::WINDOW_COLUMN_TAP_LSB+:16]))),
      .column_dim(window[isa::WINDOW_COLUMN_DIM_LSB+:3]),
      .offsets(offsets),
      .rows(rows),
      .columns(columns),
      .element_there(element_there),
      .tap_there(tap_there),
      .next_i0(next_i0),
      .next_i1(next_i1),
      .next_i2(next_i2),
      .next_i3(next_i3),
      .next_i4(next_i4),
      .last_group(last_group),
      .next_t0(next_t0),
      .next_t1(next_t1),
      .last_tap(last_tap)
  );

  logic [W*32-1:0] partials, neighbours;
  assign neighbours = phase == TREE ? partials >> {tree_half, 5'd0} : '0;

  genvar l;
  generate
    for (l = 0; l < W; l = l + 1) begin : lanes
      localparam int TAP = l % chip::LANES;
      logic active, stores;
      /* verilator lint_off UNUSEDSIGNAL */
      logic [35:0] place;
      /* verilator lint_on UNUSEDSIGNAL */
      logic [43:0] h, x;
      logic [63:0] element;
      assign active = element_there[l] && tap_there[l] && (!reduction || phase == BODY || phase == COMBINE || TAP == 0);
      assign place = stream_base + (stream_sums ? offsets[l*36+:36] : offsets[l*36+:36] << size_log);
      assign h = rows[l*44+:44];
      assign x = columns[l*44+:44];
      assign in_window[l] = !windowed || (h < {24'd0, window[isa::WINDOW_HEIGHT_LSB+:20]} && x < {24'd0, window[isa::WINDOW_WIDTH_LSB+:20]});
      assign stores = is_store && slot_done && active;
      assign read_address[l*A+:A] = place[A-1:0];
      assign write_address[l*A+:A] = place[A-1:0];
      assign write_size[l*4+:4] = stores && !stream_sums ? 4'd1 << size_log : 4'd0;
      assign write_bytes[l*64+:64] = element;
      assign sum_address[l*chip::WORD_BITS+:chip::WORD_BITS] = place[chip::WORD_BITS-1:0];
      assign sum_write[l] = stores && stream_sums;
      assign sum_write_words[l*32+:32] = element[31:0];
      vpu_lane lane (
          .clk(clk),
          .compute(running),
          .operation(operation),
          .a_from(a_source[8:6]),
          .b_from(b_source[8:6]),
          .c_from(from_c[8:6]),
          .a_place(a_source[5:0]),
          .b_place(b_source[5:0]),
          .c_place(from_c[5:0]),
          .immediate(immediate),
          .write(has_op ? !is_load && !is_store : running && (last_round || phase == TREE)),
          .write_place(has_op ? {second_bank, op_d} : {1'b0, result_register}),
          .write_partial(running && ((phase == COMBINE && active) || (phase == TREE && 8'(TAP) < tree_size - tree_half))),
          .partial(partials[l*32+:32]),
          .neighbour(neighbours[l*32+:32]),
          .arriving(arriving),
          .arriving_place(arriving_place),
          .arriving_kind(arriving_kind),
          .arriving_inside(arriving_inside[l]),
          .outside_value(window[isa::WINDOW_VALUE_LSB+:32]),
          .element_in(arriving_sums ? {32'd0, sum_words[l*32+:32]} : read_bytes[l*64+:64]),
          .kind(stream_kind),
          .element_out(element)
      );
    end
  endgenerate
endmodule
