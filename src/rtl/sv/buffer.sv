// VMEM: BANKS byte lanes. A port reads or writes up to BANKS consecutive bytes at any address in one cycle; no port waits.
// Readers: 0 the feeder, 1 the push unit, 2 .. the DMA engines.
module buffer (
    input  logic                                         clk,
    input  logic [   chip::READERS*chip::VMEM_BITS-1:0]  read_address,
    output logic [     chip::READERS*chip::BANKS*8-1:0]  read_bytes,
    input  logic [      chip::DMAS*chip::VMEM_BITS-1:0]  write_address,
    input  logic [      chip::DMAS*chip::SIZE_BITS-1:0]  write_size,
    input  logic [        chip::DMAS*chip::BANKS*8-1:0]  write_bytes
);
  localparam int A = chip::VMEM_BITS;
  localparam int L = chip::LANE_BITS;
  localparam int B = chip::BANK_BITS;
  localparam int S = chip::SIZE_BITS;

  logic [chip::BANKS*chip::READERS*8-1:0] banked;   // [bank][reader]
  logic [chip::READERS*L-1:0] lane;                 // where the bytes read begin
  always_ff @(posedge clk) begin : remember
    integer p;
    for (p = 0; p < chip::READERS; p = p + 1) lane[p*L+:L] <= read_address[p*A+:L];
  end

  genvar b, p;
  generate
    for (b = 0; b < chip::BANKS; b = b + 1) begin : lanes
      logic [chip::READERS*B-1:0] read_row;
      logic [chip::DMAS*B-1:0] write_row;
      logic [chip::DMAS-1:0] write;
      logic [chip::DMAS*8-1:0] write_byte;
      for (p = 0; p < chip::READERS; p = p + 1) begin : reader
        assign read_row[p*B+:B] = B'((read_address[p*A+:A] + A'(chip::BANKS - 1 - b)) >> L);
      end
      for (p = 0; p < chip::DMAS; p = p + 1) begin : writer
        logic [L-1:0] place;   // of this lane's byte in the port's bytes
        assign place = L'(b) - write_address[p*A+:L];
        assign write_row[p*B+:B] = B'((write_address[p*A+:A] + A'(chip::BANKS - 1 - b)) >> L);
        assign write[p] = S'(place) < write_size[p*S+:S];
        assign write_byte[p*8+:8] = write_bytes[p*chip::BANKS*8+8*32'(place)+:8];
      end
      bank memory (
          .clk(clk),
          .read_row(read_row),
          .read_byte(banked[b*chip::READERS*8+:chip::READERS*8]),
          .write(write),
          .write_row(write_row),
          .write_byte(write_byte)
      );
    end
    for (p = 0; p < chip::READERS; p = p + 1) begin : rotate
      for (b = 0; b < chip::BANKS; b = b + 1) begin : to
        logic [L-1:0] from;
        assign from = lane[p*L+:L] + L'(b);
        assign read_bytes[(p*chip::BANKS+b)*8+:8] = banked[(32'(from)*chip::READERS+p)*8+:8];
      end
    end
  endgenerate
endmodule
