// A memory of several ports. CLOCKED: the read ports whose data comes a clock later; they see what stood there before the clock's
// writes. Of two writes to one bit the later port's holds.
module systole_memory #(
    parameter SIZE = 4,
    parameter ABITS = 2,
    parameter WIDTH = 8,
    parameter READS = 1,
    parameter WRITES = 1,
    parameter [READS-1:0] CLOCKED = 0
) (
    input                     clk,
    input  [       READS-1:0] read_enable,
    input  [ READS*ABITS-1:0] read_address,
    output [ READS*WIDTH-1:0] read_data,
    input  [WRITES*WIDTH-1:0] write_enable,
    input  [WRITES*ABITS-1:0] write_address,
    input  [WRITES*WIDTH-1:0] write_data
);
`ifndef SYNTHESIS
  reg [WIDTH-1:0] words[0:SIZE-1];
  genvar p;
  generate
    for (p = 0; p < READS; p = p + 1) begin : read
      if (CLOCKED[p]) begin : clocked
        reg [WIDTH-1:0] data;
        always @(posedge clk) if (read_enable[p]) data <= words[read_address[p*ABITS+:ABITS]];
        assign read_data[p*WIDTH+:WIDTH] = data;
      end else begin : direct
        assign read_data[p*WIDTH+:WIDTH] = words[read_address[p*ABITS+:ABITS]];
      end
    end
    for (p = 0; p < WRITES; p = p + 1) begin : write
      wire [WIDTH-1:0] mask = write_enable[p*WIDTH+:WIDTH];
      always @(posedge clk)
        if (mask != 0) words[write_address[p*ABITS+:ABITS]] <=
            (words[write_address[p*ABITS+:ABITS]] & ~mask) | (write_data[p*WIDTH+:WIDTH] & mask);
    end
  endgenerate
`endif
endmodule
