// The weight interlock: a push may start with the swap that frees the shadow, a swap after the last cycle of its push.
module interlock (
    input  logic clk,
    input  logic reset,
    input  logic tile_done,
    input  logic swap_issue,
    input  logic push_issue,
    output logic swap_allowed,
    output logic push_allowed
);
  logic loaded, taken;   // a whole tile stands in the shadow; the shadow belongs to a tile whose swap has not started

  assign swap_allowed = loaded || tile_done;
  assign push_allowed = !taken || swap_issue;

  always_ff @(posedge clk) begin
    if (reset) begin
      loaded <= 1'b0;
      taken  <= 1'b0;
    end else begin
      loaded <= (loaded || tile_done) && !swap_issue;
      taken  <= (taken && !swap_issue) || push_issue;
    end
  end
endmodule
