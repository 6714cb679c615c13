// The weight interlock. A swap may start after the last cycle of its push. A push may start with the swap that frees the shadow; on a chip without shadow weights
// (SHADOW 0), where every matmul that was fetched before it has ended.
module interlock (
    input  logic clk,
    input  logic reset,
    input  logic tile_done,
    input  logic swap_issue,
    input  logic push_issue,
    /* verilator lint_off UNUSEDSIGNAL */   // needed without shadow weights
    input  logic push_dispatch,     // a push, a matmul is put into its queue
    input  logic matmul_dispatch,
    input  logic matmul_ending,
    /* verilator lint_on UNUSEDSIGNAL */
    output logic swap_allowed,
    output logic push_allowed
);
  logic loaded;   // a whole tile stands in the shadow
  assign swap_allowed = loaded || tile_done;
  always_ff @(posedge clk)
    if (reset) loaded <= 1'b0;
    else loaded <= (loaded || tile_done) && !swap_issue;

  generate
    if (chip::SHADOW != 0) begin : shadow
      logic taken;   // the shadow belongs to a tile whose swap has not started
      assign push_allowed = !taken || swap_issue;
      always_ff @(posedge clk)
        if (reset) taken <= 1'b0;
        else taken <= (taken && !swap_issue) || push_issue;
    end else begin : plain
      // Matmuls that were fetched, and that have ended, modulo 2^16; those before each queued push.
      localparam int Q = chip::QUEUE_BITS;
      logic [15:0] fetched, ended, missing;
      logic [15:0] needed[0:(1<<Q)-1];
      logic [Q-1:0] first, next;
      assign missing = needed[first] - ended - 16'(matmul_ending);
      assign push_allowed = missing == 16'd0 || missing[15];
      always_ff @(posedge clk) begin
        if (push_dispatch) needed[next] <= fetched;
        if (reset) begin
          fetched <= 16'd0;
          ended   <= 16'd0;
          first   <= '0;
          next    <= '0;
        end else begin
          fetched <= fetched + 16'(matmul_dispatch);
          ended   <= ended + 16'(matmul_ending);
          first   <= first + Q'(push_issue);
          next    <= next + Q'(push_dispatch);
        end
      end
    end
  endgenerate
endmodule
