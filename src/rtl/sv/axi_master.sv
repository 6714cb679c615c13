// A DMA engine's bursts as AXI4 transactions of one beat each, in order. A burst that crosses a multiple of BURST_BYTES is two transactions: the first up to
// it, the second from it on, so none crosses 4 KB. AxUSER bit 0: the second transaction of a burst. Bit 1: behind this burst the engine has another one.
//
// Engine: `request` stands with address, size, direction and whether it is the transfer's last until the cycle of `grant`, the handshake of the burst's first
// address. A store's bytes come on `write_data` the cycle after any in which its request stands, and are offered on W without waiting for AW. Every burst is
// answered, in order, by `answer`: a load's with its bytes. No output of the pins depends on an input in the same cycle.
module axi_master #(
    parameter ID = 0
) (
    input  logic                          clk,
    input  logic                          reset,
    input  logic                          request,
    input  logic                          request_write,
    input  logic                          request_last,
    input  logic [                  35:0] request_address,
    input  logic [   chip::SIZE_BITS-1:0] request_size,
    output logic                          grant,
    input  logic [chip::BURST_BYTES*8-1:0] write_data,
    output logic                          answer,
    output logic [chip::BURST_BYTES*8-1:0] answer_data,
    output logic                          failed,   // this answer tells of an error
    output logic [     chip::AXI_ID_BITS-1:0] awid,
    output logic [                      35:0] awaddr,
    output logic [                       1:0] awuser,
    output logic                              awvalid,
    input  logic                              awready,
    output logic [ chip::BURST_BYTES*8 -1:0] wdata,
    output logic [   chip::BURST_BYTES -1:0] wstrb,
    output logic                              wvalid,
    input  logic                              wready,
    /* verilator lint_off UNUSEDSIGNAL */   // the upper bit tells
    input  logic [                       1:0] bresp,
    /* verilator lint_on UNUSEDSIGNAL */
    input  logic                              bvalid,
    output logic                              bready,
    output logic [     chip::AXI_ID_BITS-1:0] arid,
    output logic [                      35:0] araddr,
    output logic [                       1:0] aruser,
    output logic                              arvalid,
    input  logic                              arready,
    input  logic [ chip::BURST_BYTES*8 -1:0] rdata,
    /* verilator lint_off UNUSEDSIGNAL */   // the upper bit tells
    input  logic [                       1:0] rresp,
    /* verilator lint_on UNUSEDSIGNAL */
    input  logic                              rvalid,
    output logic                              rready
);
  localparam int B = chip::BURST_BYTES;
  localparam int S = chip::SIZE_BITS;   // one more than numbers a byte's place on the bus
  localparam int L = S - 1;
  localparam int F = chip::FLIGHT_BITS;

  logic [L-1:0] lane;
  logic crosses;
  assign lane = request_address[L-1:0];
  assign crosses = {1'b0, lane} + request_size > S'(B);

  // Bursts whose first address has been taken and which are not yet answered: {write, crosses, lane}.
  logic [L+1:0] flight[0:(1<<F)-1];
  logic [L+1:0] oldest;
  logic [F-1:0] flight_first, flight_next;
  logic [F:0] in_flight;
  logic room;
  assign oldest = flight[flight_first];
  assign room   = !in_flight[F];
  always_ff @(posedge clk) begin
    if (grant) flight[flight_next] <= {request_write, crosses, lane};
    if (reset) begin
      flight_first <= '0;
      flight_next  <= '0;
      in_flight    <= '0;
    end else begin
      if (grant) flight_next <= flight_next + 1'b1;
      if (answer) flight_first <= flight_first + 1'b1;
      in_flight <= in_flight + (F + 1)'(grant) - (F + 1)'(answer);
    end
  end

  // Addresses. While the second transaction of a burst stands, nothing else does.
  logic second, second_write, second_new, second_behind, behind, fetched, fetch, space;
  logic [35:L] second_address;
  assign behind  = second_new ? request : second_behind;   // as it was in the first cycle: what stands does not change
  assign arvalid = second ? !second_write : request && !request_write && room;
  assign awvalid = second ? second_write : request && request_write && room && (fetched || space);
  assign araddr  = second ? {second_address, {L{1'b0}}} : request_address;
  assign awaddr  = araddr;
  assign aruser  = {second ? behind : !request_last, second};
  assign awuser  = aruser;
  assign arid    = chip::AXI_ID_BITS'(ID);
  assign awid    = arid;
  assign grant   = !second && ((arvalid && arready) || (awvalid && awready));
  always_ff @(posedge clk) begin
    second_new    <= grant;
    second_behind <= behind;
    if (grant) begin
      second_write   <= request_write;
      second_address <= request_address[35:L] + (36 - L)'(1);
    end
    if (reset) second <= 1'b0;
    else if (grant) second <= crosses;
    else if ((arvalid && arready) || (awvalid && awready)) second <= 1'b0;
  end

  // A store's bytes: fetched once in the cycles of the request, at most two bursts ahead of the bus.
  logic arrived, wsecond, wdone;
  logic [1:0] held;
  logic [L-1:0] arrived_lane;
  logic [S-1:0] arrived_size;
  logic [B*8+L+S-1:0] came, now, slot_0, slot_1;   // {bytes, lane, size}
  assign space = {1'b0, held} + {2'b00, arrived} < 3'd2;
  assign fetch = request && request_write && !fetched && space;
  assign came  = {write_data, arrived_lane, arrived_size};
  assign now   = held == 2'd0 ? came : slot_0;
  always_ff @(posedge clk) begin
    arrived_lane <= lane;
    arrived_size <= request_size;
    if (held == 2'd0 || wdone) slot_0 <= held == 2'd2 ? slot_1 : came;
    if (arrived) slot_1 <= came;
    if (reset) begin
      fetched <= 1'b0;
      arrived <= 1'b0;
      held    <= 2'd0;
      wsecond <= 1'b0;
    end else begin
      fetched <= (fetched || fetch) && !grant;
      arrived <= fetch;
      held    <= held + {1'b0, arrived} - {1'b0, wdone};
      if (wvalid && wready) wsecond <= !wdone;
    end
  end

  // A beat: the bytes shifted to their lanes, what is beyond the last lane in the second.
  logic [L-1:0] now_lane;
  logic [S-1:0] now_size;
  logic [2*B*8-1:0] shifted;
  logic [2*B-1:0] strobes;
  logic [B-1:0] used;
  assign now_lane = now[S+:L];
  assign now_size = now[0+:S];
  assign shifted  = {{B * 8{1'b0}}, now[S+L+:B*8]} << {now_lane, 3'b000};
  assign wvalid   = held != 2'd0 || arrived;
  assign wdata    = wsecond ? shifted[B*8+:B*8] : shifted[0+:B*8];
  assign wstrb    = wsecond ? strobes[B+:B] : strobes[0+:B];
  assign wdone    = wvalid && wready && (wsecond || {1'b0, now_lane} + now_size <= S'(B));
  genvar b;
  generate
    for (b = 0; b < B; b = b + 1) begin : byte_lane
      assign used[b] = now_size > S'(b);
    end
  endgenerate
  assign strobes = {{B{1'b0}}, used} << now_lane;

  // Answers.
  logic half, came_part;
  logic [B*8-1:0] first_data;
  logic [2*B*8-1:0] lanes;
  assign rready    = in_flight != '0 && !oldest[L+1];
  assign bready    = in_flight != '0 && oldest[L+1];
  assign came_part = (rvalid && rready) || (bvalid && bready);
  assign answer    = came_part && (half || !oldest[L]);
  assign failed    = (rvalid && rready && rresp[1]) || (bvalid && bready && bresp[1]);
  assign lanes     = {rdata, half ? first_data : rdata};
  assign answer_data = lanes[{1'b0, oldest[L-1:0], 3'b000}+:B*8];
  always_ff @(posedge clk) begin
    if (came_part && !half) first_data <= rdata;
    if (reset) half <= 1'b0;
    else if (came_part) half <= !answer;
  end
endmodule
