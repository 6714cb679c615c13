// VMEM: a memory of bytes with a port for each that asks; a port reads or writes consecutive bytes at any address in one cycle and
// never waits (a stated simplification, docs/machine.md section 5). What is read comes a cycle later.
module buffer (
    input  logic                                       clk,
    input  logic [                chip::VMEM_BITS-1:0] feeder_address,
    output logic [             chip::FEEDER_BYTES*8-1:0] feeder_bytes,
    input  logic [                chip::VMEM_BITS-1:0] push_address,
    output logic [               chip::PUSH_BYTES*8-1:0] push_bytes,
    input  logic [     chip::DMAS*chip::VMEM_BITS-1:0] dma_read_address,
    output logic [   chip::DMAS*chip::BURST_BYTES*8-1:0] dma_read_bytes,
    input  logic [     chip::DMAS*chip::VMEM_BITS-1:0] index_address,
    output logic [                   chip::DMAS*32-1:0] index_words,
    input  logic [     chip::DMAS*chip::VMEM_BITS-1:0] dma_write_address,
    input  logic [     chip::DMAS*chip::SIZE_BITS-1:0] dma_write_size,
    input  logic [   chip::DMAS*chip::BURST_BYTES*8-1:0] dma_write_bytes,
    input  logic [    chip::WIDTH*chip::VMEM_BITS-1:0] lane_read_address,
    output logic [                  chip::WIDTH*64-1:0] lane_read_bytes,
    input  logic [    chip::WIDTH*chip::VMEM_BITS-1:0] lane_write_address,
    input  logic [                   chip::WIDTH*4-1:0] lane_write_size,
    input  logic [                  chip::WIDTH*64-1:0] lane_write_bytes
);
  localparam int A = chip::VMEM_BITS;
  localparam int B = chip::BURST_BYTES;
  localparam int S = chip::SIZE_BITS;
  logic [7:0] bytes[0:(1<<A)-1];
`ifdef VERILATOR   // a run starts from zeros (docs/machine.md section 9); real memory is cleared by the host
  initial begin : clear
    integer i;
    for (i = 0; i < (1 << A); i = i + 1) bytes[i] = 8'd0;
  end
`endif

  genvar p, b;
  generate
    for (b = 0; b < chip::FEEDER_BYTES; b = b + 1) begin : feeder
      always_ff @(posedge clk) feeder_bytes[b*8+:8] <= bytes[feeder_address+A'(b)];
    end
    for (b = 0; b < chip::PUSH_BYTES; b = b + 1) begin : push
      always_ff @(posedge clk) push_bytes[b*8+:8] <= bytes[push_address+A'(b)];
    end
    for (p = 0; p < chip::DMAS; p = p + 1) begin : gather
      for (b = 0; b < 4; b = b + 1) begin : lane
        always_ff @(posedge clk) index_words[p*32+b*8+:8] <= bytes[index_address[p*A+:A]+A'(b)];
      end
    end
    for (p = 0; p < chip::DMAS; p = p + 1) begin : dma
      for (b = 0; b < B; b = b + 1) begin : lane
        always_ff @(posedge clk) begin
          dma_read_bytes[(p*B+b)*8+:8] <= bytes[dma_read_address[p*A+:A]+A'(b)];
          if (dma_write_size[p*S+:S] > S'(b)) bytes[dma_write_address[p*A+:A]+A'(b)] <= dma_write_bytes[(p*B+b)*8+:8];
        end
      end
    end
    for (p = 0; p < chip::WIDTH; p = p + 1) begin : vector
      for (b = 0; b < 8; b = b + 1) begin : lane
        always_ff @(posedge clk) begin
          lane_read_bytes[p*64+b*8+:8] <= bytes[lane_read_address[p*A+:A]+A'(b)];
          if (lane_write_size[p*4+:4] > 4'(b)) bytes[lane_write_address[p*A+:A]+A'(b)] <= lane_write_bytes[p*64+b*8+:8];
        end
      end
    end
  endgenerate
endmodule
