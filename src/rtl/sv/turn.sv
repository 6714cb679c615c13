// The top of a column of the array. A transposed tile's column comes whole, on `line`, with the column's first accept: its last weight goes in at once, the others from
// a register with the accepts that follow. Other weights pass.
module turn (
    input  logic                                     clk,
    input  logic [           chip::OPERAND_BITS+2:0] in,     // {transposed, first, accept, weight}
    input  logic [chip::ROWS*chip::OPERAND_BITS-1:0] line,
    output logic [           chip::OPERAND_BITS+1:0] out     // {first, accept, weight}
);
  localparam int O = chip::OPERAND_BITS;
  localparam int LAST = chip::ROWS - 1;
  logic [LAST*O-1:0] kept;   // the next weight highest
  logic load;
  assign load = in[O] && in[O+1];
  assign out  = {in[O+1:O], !in[O+2] ? in[O-1:0] : load ? line[LAST*O+:O] : kept[(LAST-1)*O+:O]};
  always_ff @(posedge clk)
    if (load) kept <= line[LAST*O-1:0];
    else kept <= kept << O;
endmodule
