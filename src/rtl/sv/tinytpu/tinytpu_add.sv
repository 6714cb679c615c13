// A saturating sum or difference.
module tinytpu_add #(
    parameter int SUBTRACT = 0
) (
    input  logic signed [15:0] a,
    input  logic signed [15:0] b,
    output logic signed [15:0] sum
);
  logic signed [16:0] wide;
  assign wide = SUBTRACT != 0 ? {a[15], a} - {b[15], b} : {a[15], a} + {b[15], b};
  assign sum  = wide[16] == wide[15] ? wide[15:0] : wide[16] ? -16'sd32768 : 16'sd32767;
endmodule
