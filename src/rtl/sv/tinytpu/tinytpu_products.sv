// The machine's twelve products: a multiplier each, or one for all that does the wanted ones one after the other, a clock each, while
// the machine stands still. The operands do not change within a clock of the machine.
module tinytpu_products (
    input  logic         clk,
    input  logic         reset,
    input  logic         advance,
    input  logic [ 11:0] want,
    input  logic [191:0] left,
    input  logic [191:0] right,
    output logic [191:0] product,
    output logic         ready
);
  // A shift register's low byte each; the other bits stay inside.
  /* verilator lint_off UNUSEDSIGNAL */
  logic [191:0] random;
  /* verilator lint_on UNUSEDSIGNAL */
  tinytpu_random shift_registers (.clk(clk), .reset(reset), .advance(advance), .states(random));

  genvar m;
  generate
    if (tinytpu_chip::SHARED_MULTIPLIER != 0) begin : shared
      logic [11:0] served, todo, pick;
      assign todo  = want & ~served;
      assign pick  = todo & (~todo + 12'd1);   // the lowest one
      assign ready = (todo & ~pick) == 12'd0;
      always_ff @(posedge clk) begin
        if (reset || advance) served <= 12'd0;
        else served <= served | pick;
      end
      logic [15:0] a, b, result;
      logic [7:0] bits;
      always_comb begin : select
        integer k;
        a    = 16'd0;
        b    = 16'd0;
        bits = 8'd0;
        for (k = 0; k < 12; k = k + 1) begin
          if (pick[k]) begin
            a    = a | left[k*16+:16];
            b    = b | right[k*16+:16];
            bits = bits | random[k*16+:8];
          end
        end
      end
      tinytpu_multiply multiplier (.a(a), .b(b), .random(bits), .rounded_product(result));
      for (m = 0; m < 12; m = m + 1) begin : keep
        logic [15:0] kept;
        always_ff @(posedge clk) if (pick[m]) kept <= result;
        assign product[m*16+:16] = pick[m] ? result : kept;
      end
    end else begin : parallel
      /* verilator lint_off UNUSEDSIGNAL */
      logic unused;
      /* verilator lint_on UNUSEDSIGNAL */
      assign unused = &want;
      assign ready  = 1'b1;
      for (m = 0; m < 12; m = m + 1) begin : each
        tinytpu_multiply multiplier (
            .a(left[m*16+:16]), .b(right[m*16+:16]), .random(random[m*16+:8]), .rounded_product(product[m*16+:16])
        );
      end
    end
  endgenerate
endmodule
