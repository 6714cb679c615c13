// Instruction memory: 96 bits a word, synchronous. Written through a port of its own while the machine is in reset.
module tinytpu_program (
    input  logic        clk,
    input  logic        write,
    input  logic [ 9:0] write_address,
    input  logic [95:0] write_data,
    input  logic        read,
    input  logic [ 9:0] read_address,
    output logic [95:0] instruction
);
  // Never read where it is written in the same clock.
  (* no_rw_check *) logic [95:0] words[0:1023];
  always_ff @(posedge clk) begin
    if (write) words[write_address] <= write_data;
    if (read) instruction <= words[read_address];
  end
endmodule
