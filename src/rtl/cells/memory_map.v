// For Yosys 0.23: memories of more than LARGEST bits become systole_memory, the place of a memory macro; the others stay, and become flip-flops.
(* techmap_celltype = "$mem_v2" *)
module systole_memory_map (RD_CLK, RD_EN, RD_ARST, RD_SRST, RD_ADDR, RD_DATA, WR_CLK, WR_EN, WR_ADDR, WR_DATA);
  parameter MEMID = "";
  parameter signed SIZE = 4;
  parameter signed OFFSET = 0;
  parameter signed ABITS = 2;
  parameter signed WIDTH = 8;
  parameter signed INIT = 1'bx;
  parameter signed RD_PORTS = 1;
  parameter RD_CLK_ENABLE = 1'b1;
  parameter RD_CLK_POLARITY = 1'b1;
  parameter RD_TRANSPARENCY_MASK = 1'b0;
  parameter RD_COLLISION_X_MASK = 1'b0;
  parameter RD_WIDE_CONTINUATION = 1'b0;
  parameter RD_CE_OVER_SRST = 1'b0;
  parameter RD_ARST_VALUE = 1'b0;
  parameter RD_SRST_VALUE = 1'b0;
  parameter RD_INIT_VALUE = 1'b0;
  parameter signed WR_PORTS = 1;
  parameter WR_CLK_ENABLE = 1'b1;
  parameter WR_CLK_POLARITY = 1'b1;
  parameter WR_PRIORITY_MASK = 1'b0;
  parameter WR_WIDE_CONTINUATION = 1'b0;
  input [RD_PORTS-1:0] RD_CLK, RD_EN, RD_ARST, RD_SRST;
  input [RD_PORTS*ABITS-1:0] RD_ADDR;
  output [RD_PORTS*WIDTH-1:0] RD_DATA;
  input [WR_PORTS-1:0] WR_CLK;
  input [WR_PORTS*WIDTH-1:0] WR_EN, WR_DATA;
  input [WR_PORTS*ABITS-1:0] WR_ADDR;

  wire _TECHMAP_FAIL_ = SIZE * WIDTH <= `LARGEST || WR_PORTS == 0 || |RD_TRANSPARENCY_MASK;
  systole_memory #(
      .SIZE(SIZE), .ABITS(ABITS), .WIDTH(WIDTH), .READS(RD_PORTS), .WRITES(WR_PORTS), .CLOCKED(RD_CLK_ENABLE[RD_PORTS-1:0])
  ) macro (
      .clk(WR_CLK[0]), .read_enable(RD_EN), .read_address(RD_ADDR), .read_data(RD_DATA),
      .write_enable(WR_EN), .write_address(WR_ADDR), .write_data(WR_DATA)
  );
endmodule
