// The instruction memory: written by the host in eight parts a word, read a cycle ahead.
module program_memory (
    input  logic                          clk,
    input  logic                          write,
    input  logic [ chip::PROGRAM_BITS+2:0] write_address,   // of a part
    input  logic [                  31:0] write_data,
    input  logic [chip::PROGRAM_BITS-1:0] read_address,
    output logic [                 255:0] read_word
);
  genvar p;
  generate
    for (p = 0; p < 8; p = p + 1) begin : part
      logic [31:0] words[0:chip::PROGRAM_WORDS-1];
      always_ff @(posedge clk) begin
        if (write && write_address[2:0] == 3'(p)) words[write_address[chip::PROGRAM_BITS+2:3]] <= write_data;
        read_word[p*32+:32] <= words[read_address];
      end
    end
  endgenerate
endmodule
