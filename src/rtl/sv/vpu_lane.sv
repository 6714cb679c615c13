// One lane: two banks of 32 words (the second holds what the body of a reduction writes, per tap), the arithmetic, and the
// partial result of a reduction. A load's element comes from memory one cycle after its operation and is passed on.
module vpu_lane (
    input  logic        clk,
    input  logic        compute,       // an operation, a combination or a level of the tree
    input  logic [ 5:0] operation,
    input  logic [ 2:0] a_from,        // 0 zero, 1 register, 2 immediate, 3 the element that came, 4 partial
    input  logic [ 2:0] b_from,        // 5: the neighbour's partial
    input  logic [ 2:0] c_from,
    input  logic [ 5:0] a_place,
    input  logic [ 5:0] b_place,
    input  logic [ 5:0] c_place,
    input  logic [31:0] immediate,
    input  logic        write,
    input  logic [ 5:0] write_place,
    input  logic        write_partial,
    output logic [31:0] partial,
    input  logic [31:0] neighbour,
    // the element of the load one cycle before
    input  logic        arriving,
    input  logic [ 5:0] arriving_place,
    input  logic [ 4:0] arriving_kind,
    input  logic        arriving_inside,
    input  logic [31:0] outside_value,
    input  logic [63:0] element_in,
    // what a store writes
    input  logic [ 4:0] kind,
    output logic [63:0] element_out
);
  logic [31:0] registers[0:63];
  logic [31:0] converted, arrived, a, b, c, result;
  vpu_load from_memory (.element(element_in), .kind(arriving_kind), .value(converted));
  assign arrived = arriving_inside ? converted : outside_value;

  always_comb begin
    case (a_from)
      3'd1: a = registers[a_place];
      3'd2: a = immediate;
      3'd3: a = arrived;
      3'd4: a = partial;
      default: a = 32'd0;
    endcase
    case (b_from)
      3'd1: b = registers[b_place];
      3'd2: b = immediate;
      3'd3: b = arrived;
      3'd5: b = neighbour;
      default: b = 32'd0;
    endcase
    case (c_from)
      3'd1: c = registers[c_place];
      3'd2: c = immediate;
      3'd3: c = arrived;
      default: c = 32'd0;
    endcase
  end

  logic [15:0] bf16, f16;
  logic [7:0] f8e4m3, f8e5m2;
  logic [31:0] tf32, fixed;
  vpu_alu alu (
      .enable(compute),
      .operation(operation),
      .a(a),
      .b(b),
      .c(c),
      .result(result),
      .bf16(bf16),
      .f16(f16),
      .f8e4m3(f8e4m3),
      .f8e5m2(f8e5m2),
      .tf32(tf32),
      .fixed(fixed)
  );
  vpu_store to_memory (
      .value(a),
      .kind(kind),
      .bf16(bf16),
      .f16(f16),
      .f8e4m3(f8e4m3),
      .f8e5m2(f8e5m2),
      .tf32(tf32),
      .fixed(fixed),
      .element(element_out)
  );

  always_ff @(posedge clk) begin
    if (arriving) registers[arriving_place] <= arrived;
    if (write) registers[write_place] <= result;
    if (write_partial) partial <= result;
  end
endmodule
