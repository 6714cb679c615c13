// The buffer's 128 words in two banks of block RAM, even and odd addresses. A clock of the machine takes as many clocks as the
// busier bank has reads, and then as many as the busier bank has writes, at least one.
module tinytpu_block_ram (
    input  logic         clk,
    input  logic         reset,
    input  logic         advance,
    input  logic [ 11:0] read_want,
    input  logic [ 83:0] read_address,
    output logic [191:0] read_data,
    input  logic [  3:0] write_want,
    input  logic [ 27:0] write_address,
    input  logic [ 63:0] write_data,
    output logic         ready
);
  logic even_reads, odd_reads, even_writes, odd_writes, may_write;
  logic [11:0] even_got, odd_got;
  logic [15:0] even_data, odd_data;
  assign may_write = !even_reads && !odd_reads;
  assign ready     = may_write && !even_writes && !odd_writes;
  tinytpu_bank_server #(.ODD(1'b0)) even (
      .clk(clk), .reset(reset), .advance(advance), .may_write(may_write), .read_want(read_want), .read_address(read_address),
      .write_want(write_want), .write_address(write_address), .write_data(write_data),
      .reads_left(even_reads), .writes_left(even_writes), .got(even_got), .data(even_data)
  );
  tinytpu_bank_server #(.ODD(1'b1)) odd (
      .clk(clk), .reset(reset), .advance(advance), .may_write(may_write), .read_want(read_want), .read_address(read_address),
      .write_want(write_want), .write_address(write_address), .write_data(write_data),
      .reads_left(odd_reads), .writes_left(odd_writes), .got(odd_got), .data(odd_data)
  );
  genvar i;
  generate
    for (i = 0; i < 12; i = i + 1) begin : lane
      logic [15:0] kept;
      always_ff @(posedge clk) begin
        if (reset || advance) kept <= 16'd0;
        else if (even_got[i]) kept <= even_data;
        else if (odd_got[i]) kept <= odd_data;
      end
      assign read_data[i*16+:16] = even_got[i] ? even_data : odd_got[i] ? odd_data : kept;
    end
  endgenerate
endmodule
