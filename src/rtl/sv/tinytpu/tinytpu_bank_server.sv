// One bank's share of a clock of the machine: its reads one by one, then its writes one by one.
module tinytpu_bank_server #(
    parameter logic ODD = 1'b0
) (
    input  logic         clk,
    input  logic         reset,
    input  logic         advance,     // the machine's clock ends
    input  logic         may_write,   // no bank has reads left
    input  logic [ 11:0] read_want,
    input  logic [ 83:0] read_address,
    input  logic [  3:0] write_want,
    input  logic [ 27:0] write_address,
    input  logic [ 63:0] write_data,
    output logic         reads_left,
    output logic         writes_left, // after this clock's
    output logic [ 11:0] got,         // whose word comes out of the memory now
    output logic [ 15:0] data
);
  logic [11:0] served, mine, pick;
  logic [3:0] written, mine_written, write_pick;
  logic [5:0] read_at, write_at;
  logic [15:0] write_value;
  genvar i;
  generate
    for (i = 0; i < 12; i = i + 1) begin : lane
      assign mine[i] = read_want[i] && read_address[i*7] == ODD && !served[i];
    end
    for (i = 0; i < 4; i = i + 1) begin : slot
      assign mine_written[i] = write_want[i] && write_address[i*7] == ODD && !written[i];
    end
  endgenerate
  // The lowest one.
  assign pick       = mine & (~mine + 12'd1);
  assign write_pick = may_write && !reset ? mine_written & (~mine_written + 4'd1) : 4'd0;
  assign reads_left  = mine != 12'd0;
  assign writes_left = (mine_written & ~write_pick) != 4'd0;

  always_comb begin : select
    integer k;
    read_at     = 6'd0;
    write_at    = 6'd0;
    write_value = 16'd0;
    for (k = 0; k < 12; k = k + 1) if (pick[k]) read_at = read_at | read_address[k*7+1+:6];
    for (k = 0; k < 4; k = k + 1) begin
      if (write_pick[k]) begin
        write_at    = write_at | write_address[k*7+1+:6];
        write_value = write_value | write_data[k*16+:16];
      end
    end
  end
  tinytpu_bank bank (
      .clk(clk), .read_address(read_at), .read_data(data),
      .write(write_pick != 4'd0), .write_address(write_at), .write_data(write_value)
  );
  always_ff @(posedge clk) begin
    if (reset || advance) begin
      served  <= 12'd0;
      written <= 4'd0;
      got     <= 12'd0;
    end else begin
      served  <= served | pick;
      written <= written | write_pick;
      got     <= pick;
    end
  end
endmodule
