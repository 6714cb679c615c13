// Random bits for stochastic rounding: a 16-bit Galois shift register per multiplier, x^16 + x^14 + x^13 + x^11 + 1, eight
// shifts a clock. Without stochastic rounding there are none.
module tinytpu_random (
    input  logic         clk,
    input  logic         reset,
    input  logic         advance,
    output logic [191:0] states
);
  genvar m;
  generate
    if (tinytpu_chip::ROUNDING == 3) begin : registers
      for (m = 0; m < 12; m = m + 1) begin : multiplier
        localparam logic [15:0] START = tinytpu_chip::LFSR_SEED ^ 16'(16'h1111 * m);
        localparam logic [15:0] FIRST = START == 16'd0 ? 16'hFFFF : START;
        logic [15:0] shifted;
        always_comb begin : shift
          integer i;
          shifted = states[m*16+:16];
          for (i = 0; i < 8; i = i + 1) shifted = {1'b0, shifted[15:1]} ^ (shifted[0] ? 16'hB400 : 16'h0000);
        end
        always_ff @(posedge clk) begin
          if (reset) states[m*16+:16] <= FIRST;
          else if (advance) states[m*16+:16] <= shifted;
        end
      end
    end else begin : none
      /* verilator lint_off UNUSEDSIGNAL */
      logic unused;
      /* verilator lint_on UNUSEDSIGNAL */
      assign unused = &{clk, reset, advance};
      assign states = 192'd0;
    end
  endgenerate
endmodule
