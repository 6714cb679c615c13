// The token counters of one receiver, one per giver. What is given in a cycle can be taken in the next.
module tokens (
    input  logic                                     clk,
    input  logic                                     reset,
    input  logic [chip::GIVERS*chip::GIVE_BITS-1:0] given,
    /* verilator lint_off UNUSEDSIGNAL */
    input  logic [                            15:0] wait_mask,
    /* verilator lint_on UNUSEDSIGNAL */
    input  logic                                     take,
    output logic                                     visible
);
  logic [chip::GIVERS-1:0] missing;
  assign visible = missing == '0;

  genvar g;
  generate
    for (g = 0; g < chip::GIVERS; g = g + 1) begin : giver
      localparam int UNIT = g < chip::DMAS ? isa::FIRST_DMA + g : g == chip::DMAS + 2 ? isa::VECTOR : isa::FIRST_PUSH + g - chip::DMAS;
      logic [chip::TOKEN_BITS-1:0] count;
      assign missing[g] = wait_mask[UNIT] && count == '0;
      always_ff @(posedge clk)
        if (reset) count <= '0;
        else
          count <= count + chip::TOKEN_BITS'(given[g*chip::GIVE_BITS+:chip::GIVE_BITS])
                         - chip::TOKEN_BITS'(take && wait_mask[UNIT]);
    end
  endgenerate
endmodule
