// 64 words of synchronous memory: one read port, whose word comes a clock later, and one write port. Cleared when the chip is
// configured, not by reset: block RAM has none.
module tinytpu_bank (
    input  logic        clk,
    input  logic [ 5:0] read_address,
    output logic [15:0] read_data,
    input  logic        write,
    input  logic [ 5:0] write_address,
    input  logic [15:0] write_data
);
  // What is read where it is written in the same clock is not looked at.
  (* no_rw_check *) logic [15:0] words[0:63];
  initial begin : clear
    integer i;
    for (i = 0; i < 64; i = i + 1) words[i] = 16'd0;
  end
  always_ff @(posedge clk) begin
    read_data <= words[read_address];
    if (write) words[write_address] <= write_data;
  end
endmodule
