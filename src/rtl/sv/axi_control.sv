// The host's side: an AXI4-Lite slave of 32-bit words (docs/axi.md has the map). It holds the core in reset (`run` low) until a start; the first cycle of `run` is
// cycle 0. Instruction memory and microcode can be written, and a start is heard, only while no program runs; else, and outside the map, SLVERR.
module axi_control (
    input  logic                          clk,
    input  logic                          aresetn,
    input  logic [chip::CONTROL_BITS-1:0] s_axi_awaddr,
    input  logic                          s_axi_awvalid,
    output logic                          s_axi_awready,
    input  logic [                  31:0] s_axi_wdata,
    input  logic [                   3:0] s_axi_wstrb,
    input  logic                          s_axi_wvalid,
    output logic                          s_axi_wready,
    output logic [                   1:0] s_axi_bresp,
    output logic                          s_axi_bvalid,
    input  logic                          s_axi_bready,
    input  logic [chip::CONTROL_BITS-1:0] s_axi_araddr,
    input  logic                          s_axi_arvalid,
    output logic                          s_axi_arready,
    output logic [                  31:0] s_axi_rdata,
    output logic [                   1:0] s_axi_rresp,
    output logic                          s_axi_rvalid,
    input  logic                          s_axi_rready,
    // the core
    output logic                          run,
    input  logic                          halt,            // the program ends in this cycle
    input  logic                          failed,          // a transfer was answered by an error
    output logic                          halted,
    output logic                          program_write,
    output logic                          micro_write,
    output logic [ chip::PROGRAM_BITS+2:0] host_address,   // of a 32-bit part in its memory
    output logic [                  31:0] host_data
);
  localparam int A = chip::CONTROL_BITS;
  localparam logic [1:0] OKAY = 2'b00;
  localparam logic [1:0] SLVERR = 2'b10;
  // Byte addresses. Instruction memory: the upper half; microcode: from MICRO_BASE on.
  localparam logic [11:0] ID = 12'h000;           // "SYST"
  localparam logic [11:0] VERSION = 12'h004;
  localparam logic [11:0] CONTROL = 12'h008;      // bit 0: start
  localparam logic [11:0] STATUS = 12'h00C;       // bit 0: running; 1: halted; 2: a transfer was answered by an error
  localparam logic [11:0] CYCLES_LOW = 12'h010;
  localparam logic [11:0] CYCLES_HIGH = 12'h014;  // as it stood when CYCLES_LOW was read
  localparam logic [11:0] PROGRAM = 12'h018;      // words of instruction memory
  localparam logic [11:0] MICRO = 12'h01C;        // micro-operations
  localparam logic [11:0] ARRAY = 12'h020;        // {columns, rows}
  localparam logic [11:0] BUS = 12'h024;          // {DMA engines, bytes of a burst}
  localparam logic [A-1:0] MICRO_BASE = A'(32'h10000);
  localparam logic [A-1:0] MICRO_END = MICRO_BASE + A'(chip::MICRO_WORDS * 8);

  // Writes: address and data are taken one each, acted on when both are there; two answers may wait.
  logic address_held, data_held, act, allowed, at_program, at_micro, at_control, idle;
  logic [A-1:0] write_address;
  logic [3:0] strobes;
  logic [1:0] answers;
  logic [1:0] answer_0, answer_1, verdict;
  assign act           = address_held && data_held && answers != 2'd2;
  assign s_axi_awready = !address_held || act;
  assign s_axi_wready  = !data_held || act;
  assign s_axi_bvalid  = answers != 2'd0;
  assign s_axi_bresp   = answer_0;
  assign at_program    = write_address[A-1];
  assign at_micro      = write_address >= MICRO_BASE && write_address < MICRO_END;
  assign at_control    = write_address == A'(CONTROL);
  assign allowed       = idle && (at_program || at_micro || at_control) && strobes == 4'hF && write_address[1:0] == 2'b00;
  assign verdict       = allowed ? OKAY : SLVERR;
  assign program_write = act && allowed && at_program;
  assign micro_write   = act && allowed && at_micro;
  assign host_address  = write_address[A-2:2];
  always_ff @(posedge clk) begin
    if (s_axi_awvalid && s_axi_awready) write_address <= s_axi_awaddr;
    if (s_axi_wvalid && s_axi_wready) begin
      host_data <= s_axi_wdata;
      strobes   <= s_axi_wstrb;
    end
    if (answers == 2'd0 || s_axi_bready) answer_0 <= answers == 2'd2 ? answer_1 : verdict;
    if (act) answer_1 <= verdict;
    if (!aresetn) begin
      address_held <= 1'b0;
      data_held    <= 1'b0;
      answers      <= 2'd0;
    end else begin
      address_held <= (s_axi_awvalid && s_axi_awready) || (address_held && !act);
      data_held    <= (s_axi_wvalid && s_axi_wready) || (data_held && !act);
      answers      <= answers + {1'b0, act} - {1'b0, s_axi_bvalid && s_axi_bready};
    end
  end

  // Run: from the cycle after `starting` to the halt.
  logic starting, error, ended;
  logic [63:0] cycles;
  assign idle   = !starting && !run;
  assign halted = (run && halt) || ended;
  always_ff @(posedge clk) begin
    if (!aresetn) begin
      starting <= 1'b0;
      run      <= 1'b0;
      ended    <= 1'b0;
      error    <= 1'b0;
      cycles   <= 64'd0;
    end else if (act && allowed && at_control && host_data[0]) begin
      starting <= 1'b1;
      ended    <= 1'b0;
      error    <= 1'b0;
      cycles   <= 64'd0;
    end else begin
      starting <= 1'b0;
      run      <= starting || (run && !halt);
      ended    <= ended || (run && halt);
      error    <= error || failed;
      if (run && !halt) cycles <= cycles + 64'd1;
    end
  end

  // Reads.
  logic read_held, known;
  logic [A-1:0] read_address;
  logic [31:0] cycles_high, value;
  assign s_axi_arready = !read_held && !s_axi_rvalid;
  always_comb begin
    known = read_address[A-1:12] == '0;
    value = 32'd0;
    case (read_address[11:0])
      ID:          value = 32'h53595354;
      VERSION:     value = 32'd1;
      CONTROL:     value = 32'd0;
      STATUS:      value = {29'd0, error, halted, !idle && !halted};
      CYCLES_LOW:  value = cycles[31:0];
      CYCLES_HIGH: value = cycles_high;
      PROGRAM:     value = chip::PROGRAM_WORDS;
      MICRO:       value = chip::MICRO_WORDS;
      ARRAY:       value = {16'(chip::COLUMNS), 16'(chip::ROWS)};
      BUS:         value = {16'(chip::DMAS), 16'(chip::BURST_BYTES)};
      default:     known = 1'b0;
    endcase
  end
  always_ff @(posedge clk) begin
    if (s_axi_arvalid && s_axi_arready) read_address <= s_axi_araddr;
    if (read_held) begin
      s_axi_rdata <= known ? value : 32'd0;
      s_axi_rresp <= known ? OKAY : SLVERR;
      if (known && read_address[11:0] == CYCLES_LOW) cycles_high <= cycles[63:32];
    end
    if (!aresetn) begin
      read_held    <= 1'b0;
      s_axi_rvalid <= 1'b0;
    end else begin
      read_held    <= s_axi_arvalid && s_axi_arready;
      s_axi_rvalid <= read_held || (s_axi_rvalid && !s_axi_rready);
    end
  end
endmodule
