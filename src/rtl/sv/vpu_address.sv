// Where the lanes of a cycle stand: a chain of counters with carry gives consecutive elements (row-major over d0 .. d4) and
// consecutive taps (over w0, w1), with their offsets in the selected stream and their place (h, x) for the window. Offsets in
// elements, modulo 2^36.
module vpu_address (
    input  logic                      enable,
    input  logic                      reduction,
    input  logic                      in_body,
    // the first lane's element and tap; the counts less one
    input  logic [              19:0] i0,
    input  logic [              19:0] i1,
    input  logic [              19:0] i2,
    input  logic [              19:0] i3,
    input  logic [              23:0] i4,
    input  logic [              19:0] last0,
    input  logic [              19:0] last1,
    input  logic [              19:0] last2,
    input  logic [              19:0] last3,
    input  logic [              23:0] last4,
    input  logic [              19:0] t0,
    input  logic [              19:0] t1,
    input  logic [              19:0] last_t0,
    input  logic [              19:0] last_t1,
    // strides of the stream
    input  logic [              35:0] s0,
    input  logic [              35:0] s1,
    input  logic [              35:0] s2,
    input  logic [              35:0] s3,
    input  logic [              35:0] s4,
    input  logic [              35:0] w0,
    input  logic [              35:0] w1,
    // window: steps per index of each dimension (zero but for one), per tap, and the first place
    input  logic [              43:0] row,
    input  logic [              43:0] row_step,
    input  logic [              43:0] row_tap,
    input  logic [               2:0] row_dim,
    input  logic [              43:0] column,
    input  logic [              43:0] column_step,
    input  logic [              43:0] column_tap,
    input  logic [               2:0] column_dim,
    output logic [chip::WIDTH*36-1:0] offsets,
    output logic [chip::WIDTH*44-1:0] rows,
    output logic [chip::WIDTH*44-1:0] columns,
    output logic [   chip::WIDTH-1:0] element_there,
    output logic [   chip::WIDTH-1:0] tap_there,
    // the first lane of the next group, of the next round of taps
    output logic [              19:0] next_i0,
    output logic [              19:0] next_i1,
    output logic [              19:0] next_i2,
    output logic [              19:0] next_i3,
    output logic [              23:0] next_i4,
    output logic                      last_group,
    output logic [              19:0] next_t0,
    output logic [              19:0] next_t1,
    output logic                      last_tap
);
  localparam int W = chip::WIDTH;

  // What a carry takes back: the way from the first to the last index of each dimension.
  logic [35:0] back1, back2, back3, back4, back_w1;
  logic [43:0] row_index, row_last, row_back, column_index, column_last, column_back, column_tap_back;
  // The running position.
  logic [19:0] c0, c1, c2, c3, u0, u1;
  logic [23:0] c4;
  logic there, tap_here;
  logic [35:0] offset, tap_offset;
  logic [43:0] h, x, tap_h, tap_x;
  logic [2:0] level;   // the dimension that counts on; 5: none, the elements are at their end
  logic [W*36-1:0] element_offsets;
  logic [W*44-1:0] element_rows, element_columns;
  /* verilator lint_off UNUSEDSIGNAL */
  logic [W*36-1:0] tap_offsets;             // used: one a lane, without the sublanes
  logic [W*44-1:0] tap_rows, tap_columns;
  /* verilator lint_on UNUSEDSIGNAL */
  logic [W-1:0] there_list, tap_list;
  integer l;

  always_comb begin
    l = 0;
    back1 = '0;
    back2 = '0;
    back3 = '0;
    back4 = '0;
    back_w1 = '0;
    row_index = '0;
    row_last = '0;
    row_back = '0;
    column_index = '0;
    column_last = '0;
    column_back = '0;
    column_tap_back = '0;
    c0 = i0;
    c1 = i1;
    c2 = i2;
    c3 = i3;
    c4 = i4;
    u0 = in_body ? t0 : 20'd0;
    u1 = in_body ? t1 : 20'd0;
    there = enable;
    tap_here = enable;
    offset = '0;
    tap_offset = '0;
    h = '0;
    x = '0;
    tap_h = '0;
    tap_x = '0;
    level = 3'd0;
    element_offsets = '0;
    tap_offsets = '0;
    element_rows = '0;
    tap_rows = '0;
    element_columns = '0;
    tap_columns = '0;
    there_list = '0;
    tap_list = '0;
    next_i0 = '0;
    next_i1 = '0;
    next_i2 = '0;
    next_i3 = '0;
    next_i4 = '0;
    next_t0 = '0;
    next_t1 = '0;
    last_group = 1'b1;
    last_tap = 1'b1;
    if (enable) begin
      back1 = s1 * {16'd0, last1};
      back2 = s2 * {16'd0, last2};
      back3 = s3 * {16'd0, last3};
      back4 = s4 * {12'd0, last4};
      back_w1 = w1 * {16'd0, last_t1};
      case (row_dim)
        3'd0: begin
          row_index = {24'd0, i0};
          row_last = {24'd0, last0};
        end
        3'd1: begin
          row_index = {24'd0, i1};
          row_last = {24'd0, last1};
        end
        3'd2: begin
          row_index = {24'd0, i2};
          row_last = {24'd0, last2};
        end
        3'd3: begin
          row_index = {24'd0, i3};
          row_last = {24'd0, last3};
        end
        default: begin
          row_index = {20'd0, i4};
          row_last = {20'd0, last4};
        end
      endcase
      case (column_dim)
        3'd0: begin
          column_index = {24'd0, i0};
          column_last = {24'd0, last0};
        end
        3'd1: begin
          column_index = {24'd0, i1};
          column_last = {24'd0, last1};
        end
        3'd2: begin
          column_index = {24'd0, i2};
          column_last = {24'd0, last2};
        end
        3'd3: begin
          column_index = {24'd0, i3};
          column_last = {24'd0, last3};
        end
        default: begin
          column_index = {20'd0, i4};
          column_last = {20'd0, last4};
        end
      endcase
      row_back = row_last * row_step;
      column_back = column_last * column_step;
      column_tap_back = {24'd0, last_t1} * column_tap;

      offset = s0 * {16'd0, i0} + s1 * {16'd0, i1} + s2 * {16'd0, i2} + s3 * {16'd0, i3} + s4 * {12'd0, i4};
      h = row + row_index * row_step;
      x = column + column_index * column_step;
      for (l = 0; l < W; l = l + 1) begin
        there_list[l] = there;
        element_offsets[l*36+:36] = offset;
        element_rows[l*44+:44] = h;
        element_columns[l*44+:44] = x;
        level = c4 != last4 ? 3'd4 : c3 != last3 ? 3'd3 : c2 != last2 ? 3'd2 : c1 != last1 ? 3'd1 : c0 != last0 ? 3'd0 : 3'd5;
        case (level)
          3'd4: offset = offset + s4;
          3'd3: offset = offset + s3 - back4;
          3'd2: offset = offset + s2 - back3 - back4;
          3'd1: offset = offset + s1 - back2 - back3 - back4;
          default: offset = offset + s0 - back1 - back2 - back3 - back4;
        endcase
        h = row_dim == level ? h + row_step : row_dim > level ? h - row_back : h;
        x = column_dim == level ? x + column_step : column_dim > level ? x - column_back : x;
        there = there && level != 3'd5;
        if (level == 3'd0) c0 = c0 + 20'd1;
        if (level <= 3'd1) c1 = level == 3'd1 ? c1 + 20'd1 : 20'd0;
        if (level <= 3'd2) c2 = level == 3'd2 ? c2 + 20'd1 : 20'd0;
        if (level <= 3'd3) c3 = level == 3'd3 ? c3 + 20'd1 : 20'd0;
        c4 = level == 3'd4 ? c4 + 24'd1 : 24'd0;
        if (l + 1 == (reduction ? chip::SUBLANES : W)) begin
          next_i0 = c0;
          next_i1 = c1;
          next_i2 = c2;
          next_i3 = c3;
          next_i4 = c4;
          last_group = !there;
        end
      end

      tap_offset = w0 * {16'd0, u0} + w1 * {16'd0, u1};
      tap_h = {24'd0, u0} * row_tap;
      tap_x = {24'd0, u1} * column_tap;
      for (l = 0; l < chip::LANES; l = l + 1) begin
        tap_list[l] = tap_here;
        tap_offsets[l*36+:36] = tap_offset;
        tap_rows[l*44+:44] = tap_h;
        tap_columns[l*44+:44] = tap_x;
        if (u1 != last_t1) begin
          u1 = u1 + 20'd1;
          tap_offset = tap_offset + w1;
          tap_x = tap_x + column_tap;
        end else begin
          tap_here = tap_here && u0 != last_t0;
          u0 = u0 + 20'd1;
          u1 = 20'd0;
          tap_offset = tap_offset + w0 - back_w1;
          tap_h = tap_h + row_tap;
          tap_x = tap_x - column_tap_back;
        end
        if (l + 1 == (reduction ? chip::LANES : 1)) begin
          next_t0 = u0;
          next_t1 = u1;
          last_tap = !tap_here;
        end
      end
    end
  end

  // In a reduction the lanes of a sublane share its element and hold consecutive taps; else all hold the first lane's tap.
  genvar i;
  generate
    for (i = 0; i < W; i = i + 1) begin : lane
      localparam int SUB = i / chip::LANES;
      localparam int TAP = i % chip::LANES;
      logic [35:0] element_offset, with_tap;
      logic [43:0] element_row, element_column, tap_row, tap_column;
      assign element_offset = reduction ? element_offsets[SUB*36+:36] : element_offsets[i*36+:36];
      assign element_row = reduction ? element_rows[SUB*44+:44] : element_rows[i*44+:44];
      assign element_column = reduction ? element_columns[SUB*44+:44] : element_columns[i*44+:44];
      assign with_tap = reduction && in_body ? tap_offsets[TAP*36+:36] : tap_offsets[35:0];
      assign tap_row = reduction && in_body ? tap_rows[TAP*44+:44] : tap_rows[43:0];
      assign tap_column = reduction && in_body ? tap_columns[TAP*44+:44] : tap_columns[43:0];
      assign offsets[i*36+:36] = element_offset + with_tap;
      assign rows[i*44+:44] = element_row + tap_row;
      assign columns[i*44+:44] = element_column + tap_column;
      assign element_there[i] = reduction ? there_list[SUB] : there_list[i];
      assign tap_there[i] = !reduction || !in_body || tap_list[TAP];
    end
  endgenerate
endmodule
