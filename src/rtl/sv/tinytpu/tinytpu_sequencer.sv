// Program counter, waits, loops, halt. A word drives the machine for one clock; in every other clock nothing starts and the
// levels (pathway, scale, leak) stay.
module tinytpu_sequencer (
    input  logic        clk,
    input  logic        reset,
    input  logic        advance,
    input  logic [95:0] instruction,   // at the program counter
    input  logic        held_valid,    // the vector unit's first lane, by held_pathway
    input  logic        out_valid,     // the same, by this clock's pathway
    output logic [ 9:0] next_pc,
    output logic [93:0] word,
    output logic [ 3:0] held_pathway,
    output logic        pointer_set,
    output logic [15:0] pointer_value,
    output logic        halting
);
  logic [9:0] pc;
  logic [23:0] hold;
  logic [2:0] depth;
  logic waiting, halted, valid_before;
  logic [15:0] held_scale, held_leak;
  // The innermost loop and those around it: first word and rounds left.
  logic [33:0] loop0, loop1, loop2, loop3;

  logic issue, is_word, is_control;
  logic [3:0] opcode;
  assign issue      = hold == 24'd0 && !halted && (!waiting || (valid_before && !held_valid));
  assign is_control = issue && instruction[95];
  assign is_word    = issue && !instruction[95];
  assign opcode     = instruction[93:90];

  logic do_halt, do_loop, do_end, do_hold, again;
  assign do_halt     = is_control && opcode == 4'd0;
  assign do_loop     = is_control && opcode == 4'd1;
  assign do_end      = is_control && opcode == 4'd2;
  assign pointer_set = is_control && opcode == 4'd3;
  assign do_hold     = is_control && opcode == 4'd4;
  assign again       = do_end && loop0[23:0] != 24'd1;
  assign pointer_value = instruction[15:0];
  assign halting       = halted || do_halt;
  assign next_pc       = !issue || do_halt ? pc : again ? loop0[33:24] : pc + 10'd1;

  // Levels stay; everything else is quiet without a word.
  assign word = is_word ? instruction[93:0] : {held_leak, held_scale, held_pathway, 58'd0};

  always_ff @(posedge clk) begin
    if (reset) begin
      pc           <= 10'd0;
      hold         <= 24'd0;
      depth        <= 3'd0;
      waiting      <= 1'b0;
      halted       <= 1'b0;
      valid_before <= 1'b0;
      held_pathway <= 4'd0;
      held_scale   <= 16'd0;
      held_leak    <= 16'd0;
      loop0        <= 34'd0;
      loop1        <= 34'd0;
      loop2        <= 34'd0;
      loop3        <= 34'd0;
    end else if (advance) begin
      pc           <= next_pc;
      halted       <= halting;
      valid_before <= out_valid;
      held_pathway <= word[61:58];
      held_scale   <= word[77:62];
      held_leak    <= word[93:78];
      if (issue) waiting <= is_word && instruction[94];
      if (do_hold) hold <= instruction[23:0] - 24'd1;
      else if (hold != 24'd0) hold <= hold - 24'd1;
      if (do_loop) begin
        depth <= depth + 3'd1;
        loop0 <= {pc + 10'd1, instruction[23:0]};
        loop1 <= loop0;
        loop2 <= loop1;
        loop3 <= loop2;
      end else if (again) begin
        loop0 <= {loop0[33:24], loop0[23:0] - 24'd1};
      end else if (do_end) begin
        depth <= depth - 3'd1;
        loop0 <= loop1;
        loop1 <= loop2;
        loop2 <= loop3;
      end
    end
  end
endmodule
