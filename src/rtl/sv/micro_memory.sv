// The store of micro-operations: written by the host in halves, read a cycle ahead.
module micro_memory (
    input  logic                        clk,
    input  logic                        write,
    input  logic [  chip::MICRO_BITS:0] write_address,   // of a half
    input  logic [                31:0] write_data,
    input  logic [chip::MICRO_BITS-1:0] read_address,
    output logic [                63:0] read_word
);
  genvar p;
  generate
    for (p = 0; p < 2; p = p + 1) begin : half
      logic [31:0] words[0:chip::MICRO_WORDS-1];
      always_ff @(posedge clk) begin
        if (write && write_address[0] == 1'(p)) words[write_address[chip::MICRO_BITS:1]] <= write_data;
        read_word[p*32+:32] <= words[read_address];
      end
    end
  endgenerate
endmodule
