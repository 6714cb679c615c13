// A unit's in-order queue and its tokens. `ready`: the head may issue as far as queue, tokens and unit are concerned; `issue`
// takes it. A slot freed in a cycle is free in the next.
module unit_queue (
    input  logic                                     clk,
    input  logic                                     reset,
    input  logic                                     dispatch,
    input  logic [                           255:0] dispatch_word,
    input  logic [chip::GIVERS*chip::GIVE_BITS-1:0] given,
    input  logic                                     busy,
    input  logic                                     finishing,
    input  logic                                     issue,
    output logic                                     full,
    output logic                                     empty,
    output logic                                     ready,
    output logic [                           255:0] head
);
  localparam int Q = chip::QUEUE_BITS;
  logic [255:0] slots[0:chip::QUEUE_DEPTH-1];
  logic [Q-1:0] first, next;
  logic [Q:0] count;
  logic visible;

  assign head  = slots[first];
  assign full  = count == (Q + 1)'(chip::QUEUE_DEPTH);
  assign empty = count == '0;
  assign ready = !empty && visible && (!busy || finishing);

  tokens counters (
      .clk(clk),
      .reset(reset),
      .given(given),
      .wait_mask(head[isa::WAIT_LSB+:16]),
      .take(issue),
      .visible(visible)
  );

  always_ff @(posedge clk) begin
    if (dispatch) slots[next] <= dispatch_word;
    if (reset) begin
      first <= '0;
      next  <= '0;
      count <= '0;
    end else begin
      if (dispatch) next <= next == Q'(chip::QUEUE_DEPTH - 1) ? '0 : next + 1'b1;
      if (issue) first <= first == Q'(chip::QUEUE_DEPTH - 1) ? '0 : first + 1'b1;
      count <= count + (Q + 1)'(dispatch) - (Q + 1)'(issue);
    end
  end
endmodule
