// Consecutive elements of VMEM as operands: those below `count` of them.
module operand_row #(
    parameter COUNT = 4
) (
    input  logic [COUNT*chip::ELEMENT_BYTES*8-1:0] bytes,
    input  logic [                            4:0] kind,
    input  logic [                      COUNT-1:0] used,
    input  logic [                      COUNT-1:0] in_bounds,
    /* verilator lint_off UNUSEDSIGNAL */
    input  logic [                           15:0] pad_value,
    /* verilator lint_on UNUSEDSIGNAL */
    output logic [   COUNT*chip::OPERAND_BITS-1:0] operands
);
  localparam int E = chip::ELEMENT_BYTES * 8;
  localparam int O = chip::OPERAND_BITS;
  genvar e;
  generate
    for (e = 0; e < COUNT; e = e + 1) begin : place
      logic [E-1:0] element;
      logic [O-1:0] converted;
      always_comb begin
        element = E'(pad_value);
        if (in_bounds[e]) begin
          element = E'(bytes[e*8+:8]);
          if (E >= 16 && (kind == isa::TYPE_BF16 || kind == chip::FIXED_TYPE)) element = E'(bytes[e*(E>=16?16:8)+:(E>=16?16:8)]);
          if (E >= 32 && kind == isa::TYPE_F32) element = E'(bytes[e*E+:E]);
        end
      end
      operand convert (.element(element), .kind(kind), .result(converted));
      assign operands[e*O+:O] = used[e] ? converted : {converted[O-1:O-2], {(O - 2) {1'b0}}};
    end
  endgenerate
endmodule
