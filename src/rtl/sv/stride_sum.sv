// What the open loops add to an address: the sum of loop index x stride over the levels below `depth`.
module stride_sum (
    input  logic [203:0] strides,   // 6 x 34 bits, level 0 lowest
    input  logic [191:0] indices,   // 6 x 32 bits
    input  logic [  2:0] depth,
    output logic [ 35:0] sum
);
  logic [6*36-1:0] terms;
  genvar l;
  generate
    for (l = 0; l < 6; l = l + 1) begin : level
      assign terms[l*36+:36] = depth > 3'(l) ? {{2{strides[l*34+33]}}, strides[l*34+:34]} * {4'd0, indices[l*32+:32]} : 36'd0;
    end
  endgenerate
  assign sum = terms[0+:36] + terms[36+:36] + terms[72+:36] + terms[108+:36] + terms[144+:36] + terms[180+:36];
endmodule
