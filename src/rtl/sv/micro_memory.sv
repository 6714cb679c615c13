// The store of micro-operations, written by the host, read a cycle ahead.
module micro_memory (
    input  logic                         clk,
    input  logic                         write,
    input  logic [chip::MICRO_BITS-1:0] write_address,
    input  logic [                63:0] write_word,
    input  logic [chip::MICRO_BITS-1:0] read_address,
    output logic [                63:0] read_word
);
  logic [63:0] words[0:chip::MICRO_WORDS-1];
  always_ff @(posedge clk) begin
    if (write) words[write_address] <= write_word;
    read_word <= words[read_address];
  end
endmodule
