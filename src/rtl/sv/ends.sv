// The order in which a unit's instructions end. One with a tail enters when it issues and ends with `end_oldest`; one without
// (attach, in its last busy cycle) ends now, or with the youngest that is open. The tokens of an end: `gives`, by receiver.
module ends (
    input  logic                                        clk,
    input  logic                                        reset,
    input  logic                                        enter,
    /* verilator lint_off UNUSEDSIGNAL */
    input  logic [                               15:0] enter_mask,
    input  logic                                        attach,
    input  logic [                               15:0] attach_mask,
    /* verilator lint_on UNUSEDSIGNAL */
    input  logic                                        end_oldest,
    output logic                                        empty,
    output logic [chip::RECEIVERS*chip::GIVE_BITS-1:0] gives
);
  localparam int W = chip::GIVE_BITS;
  localparam int N = chip::ENDS_BITS;
  logic [N-1:0] first, next, youngest;
  logic [N:0] count;
  logic attach_now, attach_open;

  assign empty = count == '0;
  assign youngest = next - 1'b1;
  assign attach_now = attach && count == (N + 1)'(end_oldest);
  assign attach_open = attach && !attach_now;

  genvar r;
  generate
    for (r = 0; r < chip::RECEIVERS; r = r + 1) begin : receiver
      localparam int UNIT = r == 0 ? 0 : r <= chip::DMAS ? isa::FIRST_DMA + r - 1
                            : r == chip::DMAS + 3 ? isa::VECTOR : isa::FIRST_PUSH + r - 1 - chip::DMAS;
      logic [W-1:0] open[0:(1<<N)-1];
      assign gives[r*W+:W] = (end_oldest ? open[first] : '0) + W'(attach_now && attach_mask[UNIT]);
      always_ff @(posedge clk) begin
        if (attach_open) open[youngest] <= open[youngest] + W'(attach_mask[UNIT]);
        if (enter) open[next] <= W'(enter_mask[UNIT]);
      end
    end
  endgenerate

  always_ff @(posedge clk) begin
    if (reset) begin
      first <= '0;
      next  <= '0;
      count <= '0;
    end else begin
      if (end_oldest) first <= first + 1'b1;
      if (enter) next <= next + 1'b1;
      count <= count + (N + 1)'(enter) - (N + 1)'(end_oldest);
    end
  end
endmodule
