// One read command at work: rows x columns values, lane 1 one clock behind lane 0. A command takes effect in its own clock.
//   KIND 0: the pointer walks from value to value, lane 1 first (lane 0 first if transposed)
//   KIND 1: it stays (biases)
//   KIND 2: weights, from the last row up
module tinytpu_channel #(
    parameter int KIND = 0
) (
    input  logic        clk,
    input  logic        reset,
    input  logic        advance,
    input  logic        start,
    input  logic        transpose,
    input  logic [ 7:0] address,
    input  logic [ 7:0] rows,
    input  logic [ 1:0] columns,
    input  logic        go,           // may move in this clock
    input  logic        clear,        // forget an ended command
    output logic        running,
    output logic        on,           // running, or not yet cleared
    output logic [ 1:0] active,
    output logic [23:0] addresses     // 12 bits a lane, signed
);
  logic signed [11:0] pointer;
  logic [7:0] row_count, column_count;
  logic [8:0] counter;

  // As of this clock.
  logic signed [11:0] first, here, lane0, lane1, moved;
  logic [7:0] height, width;
  logic [8:0] age;
  assign here   = start ? first : pointer;
  assign height = !start ? row_count : transpose ? {6'd0, columns} : rows;
  assign width  = !start ? column_count : transpose ? rows : {6'd0, columns};
  assign age    = start ? 9'd0 : counter;

  logic [8:0] total;
  assign total     = {1'b0, height} + {1'b0, width};
  assign on        = age < total;
  assign running   = age + 9'd1 < total;
  assign active[0] = running && go && width != 8'd0 && age < {1'b0, height};
  assign active[1] = running && go && width > 8'd1 && age != 9'd0 && age <= {1'b0, height};
  assign addresses = {lane1, lane0};

  generate
    if (KIND == 2) begin : weight
      logic was_turned, turned;
      logic [2:0] skip_count, now_skip;
      logic signed [11:0] skip, skip0, skip1;
      assign turned   = start ? transpose : was_turned;
      assign now_skip = start ? {1'b0, columns} + 3'd1 : skip_count;
      assign skip     = {9'd0, now_skip};
      assign skip0    = active[0] ? skip : 12'sd0;
      assign skip1    = active[1] ? skip : 12'sd0;
      assign first = {4'd0, address} + (transpose ? {10'd0, columns} - 12'sd1 : ({4'd0, rows} - 12'sd1) * {10'd0, columns});
      assign lane0 = turned ? here : here - skip1;
      assign lane1 = turned ? here + skip0 : here;
      assign moved = turned ? here + skip0 + skip1 - skip - 12'sd1 : here - skip0 - skip1 + skip + 12'sd1;
      always_ff @(posedge clk) begin
        if (reset) begin
          was_turned <= 1'b0;
          skip_count <= 3'd0;
        end else if (advance) begin
          was_turned <= turned;
          skip_count <= now_skip;
        end
      end
    end else if (KIND == 1) begin : bias
      assign first  = {4'd0, address};
      assign lane0  = here;
      assign lane1  = here + 12'sd1;
      assign moved  = here;
    end else begin : matrix
      logic was_turned, turned;
      logic signed [11:0] one0, one1;
      assign one0   = {11'd0, active[0]};
      assign one1   = {11'd0, active[1]};
      assign turned = start ? transpose : was_turned;
      assign first  = {4'd0, address};
      assign lane0  = turned ? here : here + one1;
      assign lane1  = turned ? here + one0 : here;
      assign moved  = here + one0 + one1;
      always_ff @(posedge clk) begin
        if (reset) was_turned <= 1'b0;
        else if (advance) was_turned <= turned;
      end
    end
  endgenerate

  logic step;
  assign step = running && go;
  always_ff @(posedge clk) begin
    if (reset || (advance && !step && clear)) begin
      pointer      <= 12'd0;
      row_count    <= 8'd0;
      column_count <= 8'd0;
      counter      <= 9'd0;
    end else if (advance) begin
      pointer      <= step ? moved : here;
      row_count    <= height;
      column_count <= width;
      counter      <= step ? age + 9'd1 : age;
    end
  end
endmodule
