// One micro-operation on 32-bit words: the table of docs/numerics.md, vector unit. Everything but load, store and const.
module vpu_alu (
    input  logic        enable,
    input  logic [ 5:0] operation,
    input  logic [31:0] a,
    input  logic [31:0] b,
    input  logic [31:0] c,
    output logic [31:0] result,
    // Operand a as a store needs it.
    output logic [15:0] bf16,
    output logic [15:0] f16,
    output logic [ 7:0] f8e4m3,
    output logic [ 7:0] f8e5m2,
    output logic [31:0] tf32,
    output logic [31:0] fixed
);
  localparam logic [31:0] NAN = 32'h7FC00000;

  // fadd a * 1 + b, fsub a * 1 + (-b), fmul a * b + (-0 of the product's sign), ffma a * b + c.
  logic uses_fma, is_add;
  logic [31:0] fma_b, fma_c, fma;
  assign is_add = operation == isa::MICRO_FADD || operation == isa::MICRO_FSUB;
  assign uses_fma = enable && (is_add || operation == isa::MICRO_FMUL || operation == isa::MICRO_FFMA);
  assign fma_b = is_add ? 32'h3F800000 : b;
  assign fma_c = operation == isa::MICRO_FADD ? b
               : operation == isa::MICRO_FSUB ? {!b[31], b[30:0]}
               : operation == isa::MICRO_FMUL ? {a[31] ^ b[31], 31'd0} : c;
  vpu_fma multiply_add (.enable(uses_fma), .a(a), .b(fma_b), .c(fma_c), .result(fma));

  logic [31:0] whole, integral, from_integer;
  vpu_round rounding (
      .value(a),
      .truncate(operation == isa::MICRO_FTOIT),
      .scaled(operation == isa::MICRO_STORE),
      .integer_value(whole),
      .integral(integral),
      .from_integer(from_integer)
  );
  assign fixed = whole;

  vpu_narrow narrow (.value(a), .bf16(bf16), .f16(f16), .f8e4m3(f8e4m3), .f8e5m2(f8e5m2), .tf32(tf32));
  logic [31:0] from_f16, from_f8e4m3, from_f8e5m2;
  widen_float #(.EXPONENT(5), .FRACTION(10), .FINITE(0)) half (.code(f16), .value(from_f16));
  widen_float #(.EXPONENT(4), .FRACTION(3), .FINITE(1)) e4m3 (.code(f8e4m3), .value(from_f8e4m3));
  widen_float #(.EXPONENT(5), .FRACTION(2), .FINITE(0)) e5m2 (.code(f8e5m2), .value(from_f8e5m2));

  // fp32 order: `below` is a < b with -0 below +0, `less` and `equal` are IEEE's.
  logic unordered, below, less, equal, zeros;
  assign unordered = (a[30:23] == 8'hFF && a[22:0] != 23'd0) || (b[30:23] == 8'hFF && b[22:0] != 23'd0);
  assign zeros = a[30:0] == 31'd0 && b[30:0] == 31'd0;
  assign below = a[31] != b[31] ? a[31] : a[31] ? a[30:0] > b[30:0] : a[30:0] < b[30:0];
  assign less = !unordered && !zeros && below;
  assign equal = !unordered && (zeros || a == b);

  // Division of the magnitudes; the quotient is negative if the signs differ, the remainder if the dividend is.
  logic is_division;
  logic [31:0] dividend, divisor, quotient, remainder;
  always_comb begin
    is_division = enable && (operation == isa::MICRO_IDIV || operation == isa::MICRO_IREM);
    dividend = 32'd0;
    divisor = 32'd1;
    quotient = 32'd0;
    remainder = 32'd0;
    if (is_division) begin
      dividend = a[31] ? 32'd0 - a : a;
      divisor = b == 32'd0 ? 32'd1 : b[31] ? 32'd0 - b : b;
      quotient = dividend / divisor;
      remainder = dividend % divisor;
    end
  end

  always_comb begin
    result = a;
    if (enable) begin
      case (operation)
        isa::MICRO_FADD, isa::MICRO_FSUB, isa::MICRO_FMUL, isa::MICRO_FFMA: result = fma;
        isa::MICRO_FMIN: result = unordered ? NAN : below ? a : b;
        isa::MICRO_FMAX: result = unordered ? NAN : below ? b : a;
        isa::MICRO_FLT: result = {31'd0, less};
        isa::MICRO_FLE: result = {31'd0, less || equal};
        isa::MICRO_FEQ: result = {31'd0, equal};
        isa::MICRO_FRINT: result = integral;
        isa::MICRO_FTOI, isa::MICRO_FTOIT: result = whole;
        isa::MICRO_ITOF: result = from_integer;
        isa::MICRO_FTOBF16: result = {bf16, 16'd0};
        isa::MICRO_FTOF16: result = from_f16;
        isa::MICRO_FTOF8E4M3: result = from_f8e4m3;
        isa::MICRO_FTOF8E5M2: result = from_f8e5m2;
        isa::MICRO_FTOTF32: result = tf32;
        isa::MICRO_IADD: result = a + b;
        isa::MICRO_ISUB: result = a - b;
        isa::MICRO_IMUL: result = a * b;
        isa::MICRO_IMIN: result = $signed(a) < $signed(b) ? a : b;
        isa::MICRO_IMAX: result = $signed(a) < $signed(b) ? b : a;
        isa::MICRO_ILT: result = {31'd0, $signed(a) < $signed(b)};
        isa::MICRO_ILE: result = {31'd0, $signed(a) <= $signed(b)};
        isa::MICRO_IEQ: result = {31'd0, a == b};
        isa::MICRO_IDIV: result = b == 32'd0 ? 32'hFFFFFFFF : a[31] != b[31] ? 32'd0 - quotient : quotient;
        isa::MICRO_IREM: result = b == 32'd0 ? a : a[31] ? 32'd0 - remainder : remainder;
        isa::MICRO_AND: result = a & b;
        isa::MICRO_OR: result = a | b;
        isa::MICRO_XOR: result = a ^ b;
        isa::MICRO_SHL: result = a << b[4:0];
        isa::MICRO_SHR: result = a >> b[4:0];
        isa::MICRO_SRA: result = $signed(a) >>> b[4:0];
        isa::MICRO_SELECT: result = a != 32'd0 ? b : c;
        default: ;
      endcase
    end
  end
endmodule
