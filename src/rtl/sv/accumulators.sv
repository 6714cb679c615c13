// The accumulators below the array: ACC_ROWS x COLUMNS words. A row's target travels beside its sums: ROWS cycles down, then a
// column a cycle, ACCUMULATOR_LATENCY - 1 cycles behind the array. DMA engines read rows, the vector unit words; what is read comes a cycle later. `ending`: the last sum of a
// matmul is being written.
module accumulators (
    input  logic                                 clk,
    input  logic                                 reset,
    input  logic [        chip::TARGET_BITS-1:0] target,
    input  logic [         chip::COLUMNS*32-1:0] sums,
    output logic                                 ending,
    input  logic [chip::DMAS*chip::ACC_BITS-1:0] read_row,
    output logic [chip::DMAS*chip::COLUMNS*32-1:0] read_words,
    input  logic [chip::WIDTH*chip::WORD_BITS-1:0] lane_address,
    output logic [           chip::WIDTH*32-1:0] lane_words,
    input  logic [              chip::WIDTH-1:0] lane_write,
    input  logic [           chip::WIDTH*32-1:0] lane_write_words
);
  localparam int T = chip::TARGET_BITS;
  localparam int A = chip::ACC_BITS;
  localparam int N = chip::WORD_BITS;
  localparam int BEHIND = chip::ACCUMULATOR_LATENCY - 1;
  localparam int STAGES = chip::ROWS + chip::COLUMNS - 1 + BEHIND;
  logic [STAGES*T-1:0] travelling;   // stage k: given by the feeder k + 1 cycles before this one
  logic [31:0] words[0:chip::ACC_ROWS*chip::COLUMNS-1];
`ifdef VERILATOR   // a run starts from zeros (docs/machine.md section 9); real memory is cleared by the host
  initial begin : clear
    integer i;
    for (i = 0; i < chip::ACC_ROWS * chip::COLUMNS; i = i + 1) words[i] = 32'd0;
  end
`endif

  logic [chip::COLUMNS*32-1:0] sums_here;
  delay #(.CYCLES(BEHIND), .WIDTH(chip::COLUMNS * 32)) sums_later (.clk(clk), .reset(reset), .in(sums), .out(sums_here));

  always_ff @(posedge clk)
    if (reset) travelling <= '0;
    else travelling <= {travelling[(STAGES-1)*T-1:0], target};

  genvar c, d, l;
  generate
    for (c = 0; c < chip::COLUMNS; c = c + 1) begin : column
      logic [T-1:0] here;
      logic [N-1:0] place;
      logic [31:0] total;
      logic write;
      assign here  = travelling[(chip::ROWS-1+c+BEHIND)*T+:T];
      assign place = N'(here[A-1:0]) * N'(chip::COLUMNS) + N'(c);
      assign write = here[T-2] && here[A+:10] > 10'(c);
      accumulate add (
          .enable(write),
          .family(here[A+10+:2]),
          .before_sum(here[T-3] ? words[place] : 32'd0),
          .sum(sums_here[c*32+:32]),
          .result(total)
      );
      always_ff @(posedge clk) if (write) words[place] <= total;
      for (d = 0; d < chip::DMAS; d = d + 1) begin : port
        always_ff @(posedge clk)
          read_words[(d*chip::COLUMNS+c)*32+:32] <= words[N'(read_row[d*A+:A])*N'(chip::COLUMNS)+N'(c)];
      end
      if (c == chip::COLUMNS - 1) begin : last
        assign ending = here[T-1];
      end
    end
    for (l = 0; l < chip::WIDTH; l = l + 1) begin : lane
      always_ff @(posedge clk) begin
        lane_words[l*32+:32] <= words[lane_address[l*N+:N]];
        if (lane_write[l]) words[lane_address[l*N+:N]] <= lane_write_words[l*32+:32];
      end
    end
  endgenerate
endmodule
