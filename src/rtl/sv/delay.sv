// What goes in comes out CYCLES later; none: a wire.
module delay #(
    parameter CYCLES = 1,
    parameter WIDTH = 8
) (
    /* verilator lint_off UNUSEDSIGNAL */
    input  logic             clk,
    input  logic             reset,
    /* verilator lint_on UNUSEDSIGNAL */
    input  logic [WIDTH-1:0] in,
    output logic [WIDTH-1:0] out
);
  generate
    if (CYCLES == 0) begin : wire_only
      assign out = in;
    end else if (CYCLES == 1) begin : one
      always_ff @(posedge clk)
        if (reset) out <= '0;
        else out <= in;
    end else begin : many
      logic [(CYCLES-1)*WIDTH-1:0] stages;
      always_ff @(posedge clk)
        if (reset) {out, stages} <= '0;
        else {out, stages} <= {stages, in};
    end
  endgenerate
endmodule
