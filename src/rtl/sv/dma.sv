// A DMA engine: planes x rows x bursts between far memory and VMEM or accumulators. A gather's rows stand where indices in VMEM say: each is read the cycle
// before its row's first request, over a port of its own.
//
// Memory port (axi_master.sv): `request` stands with address, size, direction and whether it is the transfer's last until the cycle of `grant`. A store's bytes
// stand in the cycle after each in which its request stood. Every burst is answered, in order, in a later cycle by `answer`: a load's with its bytes.
module dma (
    input  logic                          clk,
    input  logic                          reset,
    input  logic                          issue,
    /* verilator lint_off UNUSEDSIGNAL */
    input  logic [                 255:0] word,
    /* verilator lint_on UNUSEDSIGNAL */
    output logic                          busy,
    output logic                          finishing,
    output logic                          attach,
    output logic [                  15:0] signal,
    output logic                          ended,
    // far memory
    output logic                          request,
    output logic                          request_write,
    output logic                          request_last,
    output logic [                  35:0] request_address,
    output logic [   chip::SIZE_BITS-1:0] request_size,
    input  logic                          grant,
    output logic [chip::BURST_BYTES*8-1:0] write_data,
    input  logic                          answer,
    input  logic [chip::BURST_BYTES*8-1:0] answer_data,
    // local memories
    output logic [   chip::VMEM_BITS-1:0] local_read_address,
    /* verilator lint_off UNUSEDSIGNAL */
    input  logic [chip::BURST_BYTES*8-1:0] local_read_bytes,
    /* verilator lint_on UNUSEDSIGNAL */
    output logic [    chip::ACC_BITS-1:0] accumulator_row,
    input  logic [ chip::COLUMNS*32 -1:0] accumulator_words,
    output logic [   chip::VMEM_BITS-1:0] index_address,
    input  logic [                  31:0] index_word,
    output logic [   chip::VMEM_BITS-1:0] local_write_address,
    output logic [   chip::SIZE_BITS-1:0] local_write_size,
    output logic [chip::BURST_BYTES*8-1:0] local_write_bytes
);
  localparam int S = chip::SIZE_BITS;
  localparam int F = chip::FLIGHT_BITS;
  localparam int A = chip::VMEM_BITS;

  logic moving, store, from_accumulators, gather;
  logic [23:0] bytes, offset, rest;
  logic [15:0] rows, rows_left, planes_left;
  logic [35:0] pitch, plane_pitch, plane_address, row_address;
  logic [31:0] local_here;   // of the row in VMEM, or the accumulator row

  assign rest = bytes - offset;
  logic row_end, last;
  assign row_end = rest <= 24'(chip::BURST_BYTES);
  assign last = row_end && rows_left == 16'd1 && planes_left == 16'd1;
  assign finishing = busy && (!moving || (grant && last));
  assign attach = busy && !moving;
  assign request = moving;
  assign request_write = store;
  assign request_last = last;
  assign request_address = (gather ? plane_address + gathered : row_address) + 36'(offset);
  assign request_size = row_end ? rest[S-1:0] : S'(chip::BURST_BYTES);
  assign accumulator_row = local_here[chip::ACC_BITS-1:0];
  assign local_read_address = local_here[A-1:0] + A'(offset);

  // A gather: in the first cycle of a row its index comes from VMEM; what is not a row of the table is the nearest one.
  logic fresh;
  logic [27:0] limit, nearest;
  logic [31:0] index, kept_index;
  logic [A-1:0] index_here;
  logic [35:0] gathered;
  assign index_address = issue ? word[isa::GATHER_INDEX_LSB+:A] : index_here + A'(4);
  assign index = fresh ? index_word : kept_index;
  assign nearest = index[31] ? 28'd0 : index[30:28] != 3'd0 || index[27:0] >= limit ? limit - 28'd1 : index[27:0];
  assign gathered = 36'(nearest) * 36'(pitch[29:0]);
  always_ff @(posedge clk) begin
    fresh <= issue || (grant && row_end);
    if (fresh) kept_index <= index_word;
    if (issue) begin
      limit      <= word[isa::GATHER_LIMIT_LSB+:isa::GATHER_LIMIT_BITS];
      index_here <= word[isa::GATHER_INDEX_LSB+:A];
    end else if (grant && row_end) begin
      index_here <= index_here + A'(4);
    end
  end

  // A store's bytes.
  logic data_from_accumulators;
  logic [chip::ROW_BITS-1:0] data_offset;
  logic [chip::COLUMNS*32+chip::BURST_BYTES*8-1:0] data_words;
  assign data_words = {{chip::BURST_BYTES*8{1'b0}}, accumulator_words};
  assign write_data = data_from_accumulators ? data_words[32'(data_offset)*8+:chip::BURST_BYTES*8]
                                             : local_read_bytes;
  always_ff @(posedge clk) begin
    data_from_accumulators <= from_accumulators;
    data_offset <= offset[chip::ROW_BITS-1:0];
  end

  // Bursts served and not yet answered: {last, store, size, VMEM address}.
  logic [A+S+1:0] flight[0:(1<<F)-1];
  logic [A+S+1:0] oldest;
  logic [F-1:0] flight_first, flight_next;
  logic [A+S+1:0] served;
  assign served = {last, store, request_size, local_read_address};
  assign oldest = flight[flight_first];
  assign ended = answer && oldest[A+S+1];
  assign local_write_address = oldest[A-1:0];
  assign local_write_size = answer && !oldest[A+S] ? oldest[A+:S] : '0;
  assign local_write_bytes = answer_data;

  always_ff @(posedge clk) begin
    if (grant) flight[flight_next] <= served;
    if (reset) begin
      flight_first <= '0;
      flight_next  <= '0;
    end else begin
      if (grant) flight_next <= flight_next + 1'b1;
      if (answer) flight_first <= flight_first + 1'b1;
    end
  end

  always_ff @(posedge clk) begin
    if (reset) begin
      busy   <= 1'b0;
      moving <= 1'b0;
    end else if (issue) begin
      busy   <= 1'b1;
      moving <= word[7:0] == isa::OP_LOAD || word[7:0] == isa::OP_STORE || word_is_gather;
    end else if (finishing) begin
      busy   <= 1'b0;
      moving <= 1'b0;
    end
  end

  logic [35:0] far_in, pitch_in, plane_pitch_in;
  logic [31:0] local_in;
  logic [23:0] bytes_in;
  logic [15:0] rows_in, planes_in;
  logic word_is_store, word_is_gather;
  assign word_is_store = word[7:0] == isa::OP_STORE;
  assign word_is_gather = word[7:0] == isa::OP_GATHER;
  always_comb begin
    far_in         = word[isa::LOAD_FAR_LSB+:36];
    local_in       = word[isa::LOAD_LOCAL_LSB+:32];
    bytes_in       = word[isa::LOAD_BYTES_LSB+:24];
    rows_in        = word[isa::LOAD_ROWS_LSB+:16];
    planes_in      = word[isa::LOAD_PLANES_LSB+:16];
    pitch_in       = word[isa::LOAD_PITCH_LSB+:36];
    plane_pitch_in = word[isa::LOAD_PLANE_PITCH_LSB+:36];
    if (word_is_store) begin
      far_in         = word[isa::STORE_FAR_LSB+:36];
      local_in       = word[isa::STORE_LOCAL_LSB+:32];
      bytes_in       = word[isa::STORE_BYTES_LSB+:24];
      rows_in        = word[isa::STORE_ROWS_LSB+:16];
      planes_in      = word[isa::STORE_PLANES_LSB+:16];
      pitch_in       = word[isa::STORE_PITCH_LSB+:36];
      plane_pitch_in = word[isa::STORE_PLANE_PITCH_LSB+:36];
    end else if (word_is_gather) begin
      far_in         = word[isa::GATHER_FAR_LSB+:36];
      local_in       = word[isa::GATHER_LOCAL_LSB+:32];
      bytes_in       = word[isa::GATHER_BYTES_LSB+:24];
      rows_in        = word[isa::GATHER_COUNT_LSB+:16];
      planes_in      = 16'd1;
      pitch_in       = 36'(word[isa::GATHER_PITCH_LSB+:isa::GATHER_PITCH_BITS]);
      plane_pitch_in = 36'd0;
    end
  end

  always_ff @(posedge clk) begin
    if (issue) begin
      signal            <= word[isa::SIGNAL_LSB+:16];
      store             <= word_is_store;
      gather            <= word_is_gather;
      from_accumulators <= word_is_store && word[isa::STORE_LOCAL_SPACE_LSB+:2] == 2'd3;
      bytes             <= bytes_in;
      rows              <= rows_in;
      rows_left         <= rows_in;
      planes_left       <= planes_in;
      pitch             <= pitch_in;
      plane_pitch       <= plane_pitch_in;
      plane_address     <= far_in;
      row_address       <= far_in;
      local_here        <= local_in;
      offset            <= 24'd0;
    end else if (grant) begin
      if (!row_end) begin
        offset <= offset + 24'(chip::BURST_BYTES);
      end else begin
        offset     <= 24'd0;
        local_here <= local_here + (from_accumulators ? 32'd1 : 32'(bytes));
        if (rows_left != 16'd1) begin
          rows_left   <= rows_left - 16'd1;
          row_address <= row_address + pitch;
        end else begin
          rows_left     <= rows;
          planes_left   <= planes_left - 16'd1;
          plane_address <= plane_address + plane_pitch;
          row_address   <= plane_address + plane_pitch;
        end
      end
    end
  end
endmodule
