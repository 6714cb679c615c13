// An element of VMEM as the array takes it: {family, data}. Integers with their sign as 9 bits, fixed point as 16, floats as bf16
// (fp32 is rounded to nearest even; NaN is canonical).
module operand (
    /* verilator lint_off UNUSEDSIGNAL */
    input  logic [chip::ELEMENT_BYTES*8-1:0] element,
    /* verilator lint_on UNUSEDSIGNAL */
    input  logic [                      4:0] kind,
    output logic [   chip::OPERAND_BITS-1:0] result
);
  localparam int D = chip::DATA_BITS;
  logic [D-1:0] whole;
  assign whole = D'($signed({kind == isa::TYPE_I8 && element[7], element[7:0]}));
  generate
    if (chip::HAS_FLOAT != 0) begin : floats
      logic [31:0] word;
      /* verilator lint_off UNUSEDSIGNAL */
      logic [31:0] rounded;
      /* verilator lint_on UNUSEDSIGNAL */
      assign word = kind == isa::TYPE_F32 ? element : {element[15:0], 16'd0};
      assign rounded = word + 32'h00007FFF + {31'd0, word[16]};
      always_comb begin
        if (kind == isa::TYPE_BF16 || kind == isa::TYPE_F32)
          result = {chip::FLOAT, word[30:23] == 8'hFF && word[22:0] != 23'd0 ? 16'h7FC0 : rounded[31:16]};
        else if (chip::HAS_FIXED != 0 && kind == chip::FIXED_TYPE) result = {chip::FIXED, element[15:0]};
        else result = {chip::INTEGER, whole};
      end
    end else if (chip::HAS_FIXED != 0) begin : fixed_point
      assign result = kind == chip::FIXED_TYPE ? {chip::FIXED, element[15:0]} : {chip::INTEGER, whole};
    end else begin : integers
      assign result = {chip::INTEGER, whole};
    end
  endgenerate
endmodule
