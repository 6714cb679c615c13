// One byte lane of VMEM. Ports: the feeder, the push unit and the DMA engines read, the engines write. Reads come a cycle later.
module bank (
    input  logic                                      clk,
    input  logic [chip::READERS*chip::BANK_BITS-1:0] read_row,
    output logic [              chip::READERS*8-1:0] read_byte,
    input  logic [                  chip::DMAS-1:0] write,
    input  logic [chip::DMAS*chip::BANK_BITS -1:0]  write_row,
    input  logic [                chip::DMAS*8-1:0] write_byte
);
  logic [7:0] bytes[0:chip::BANK_ROWS-1];
  initial begin : clear
    integer i;
    for (i = 0; i < chip::BANK_ROWS; i = i + 1) bytes[i] = 8'd0;
  end

  genvar p;
  generate
    for (p = 0; p < chip::READERS; p = p + 1) begin : reader
      always_ff @(posedge clk) read_byte[p*8+:8] <= bytes[read_row[p*chip::BANK_BITS+:chip::BANK_BITS]];
    end
    for (p = 0; p < chip::DMAS; p = p + 1) begin : writer
      always_ff @(posedge clk) if (write[p]) bytes[write_row[p*chip::BANK_BITS+:chip::BANK_BITS]] <= write_byte[p*8+:8];
    end
  endgenerate
endmodule
