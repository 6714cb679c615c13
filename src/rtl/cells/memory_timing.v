// For timing: a memory macro as the flip-flops at its ports. What is read comes from a flip-flop, what is given goes to one.
module systole_memory (clk, read_enable, read_address, read_data, write_enable, write_address, write_data);
  parameter SIZE = 4;
  parameter ABITS = 2;
  parameter WIDTH = 8;
  parameter READS = 1;
  parameter WRITES = 1;
  parameter [READS-1:0] CLOCKED = 0;
  input clk;
  input [READS-1:0] read_enable;
  input [READS*ABITS-1:0] read_address;
  output [READS*WIDTH-1:0] read_data;
  input [WRITES*WIDTH-1:0] write_enable, write_data;
  input [WRITES*ABITS-1:0] write_address;

  localparam TAKEN = READS + (READS + WRITES) * ABITS + 2 * WRITES * WIDTH;
  wire [TAKEN-1:0] taken;
  assign taken = {read_enable, read_address, write_enable, write_address, write_data};
  genvar i;
  generate
    for (i = 0; i < TAKEN; i = i + 1) begin : take
      (* keep *) DFFPOSX1 stage (.CLK(clk), .D(taken[i]));
    end
    for (i = 0; i < READS * WIDTH; i = i + 1) begin : give
      (* keep *) DFFPOSX1 stage (.CLK(clk), .D(1'b0), .Q(read_data[i]));
    end
  endgenerate
endmodule
