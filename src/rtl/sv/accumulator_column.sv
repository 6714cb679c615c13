// The accumulators of one column: stores or adds a sum a cycle; each DMA engine reads a word, which comes a cycle later.
module accumulator_column (
    input  logic                                clk,
    input  logic                                write,
    input  logic                                accumulate,
    input  logic [          chip::ACC_BITS-1:0] row,
    input  logic [                        31:0] sum,
    input  logic [chip::DMAS*chip::ACC_BITS-1:0] read_row,
    output logic [           chip::DMAS*32-1:0] read_word
);
  logic [31:0] words[0:chip::ACC_ROWS-1];
  initial begin : clear
    integer i;
    for (i = 0; i < chip::ACC_ROWS; i = i + 1) words[i] = 32'd0;
  end

  always_ff @(posedge clk) if (write) words[row] <= (accumulate ? words[row] : 32'd0) + sum;

  genvar d;
  generate
    for (d = 0; d < chip::DMAS; d = d + 1) begin : port
      always_ff @(posedge clk) read_word[d*32+:32] <= words[read_row[d*chip::ACC_BITS+:chip::ACC_BITS]];
    end
  endgenerate
endmodule
