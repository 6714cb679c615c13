// The accumulators below the array. The row's target travels beside its sums: ROWS cycles down, then a column a cycle.
// `ending`: the last sum of a matmul is being written.
module accumulators (
    input  logic                                 clk,
    input  logic                                 reset,
    input  logic [        chip::TARGET_BITS-1:0] target,
    input  logic [         chip::COLUMNS*32-1:0] sums,
    output logic                                 ending,
    input  logic [chip::DMAS*chip::ACC_BITS-1:0] read_row,
    output logic [chip::DMAS*chip::COLUMNS*32-1:0] read_words
);
  localparam int T = chip::TARGET_BITS;
  localparam int STAGES = chip::ROWS + chip::COLUMNS - 1;
  logic [STAGES*T-1:0] travelling;   // stage k: given by the feeder k + 1 cycles before this one

  always_ff @(posedge clk)
    if (reset) travelling <= '0;
    else travelling <= {travelling[(STAGES-1)*T-1:0], target};

  genvar c, d;
  generate
    for (c = 0; c < chip::COLUMNS; c = c + 1) begin : column
      logic [T-1:0] here;
      logic [chip::DMAS*32-1:0] words;
      assign here = travelling[(chip::ROWS-1+c)*T+:T];
      accumulator_column memory (
          .clk(clk),
          .write(here[T-2] && here[chip::ACC_BITS+:10] > 10'(c)),
          .accumulate(here[T-3]),
          .row(here[chip::ACC_BITS-1:0]),
          .sum(sums[c*32+:32]),
          .read_row(read_row),
          .read_word(words)
      );
      for (d = 0; d < chip::DMAS; d = d + 1) begin : port
        assign read_words[(d*chip::COLUMNS+c)*32+:32] = words[d*32+:32];
      end
      if (c == chip::COLUMNS - 1) begin : last
        assign ending = here[T-1];
      end
    end
  endgenerate
endmodule
