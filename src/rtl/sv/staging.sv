// The skew at an edge of the array: lane i leaves i cycles after it came, so that rows (or columns) enter one cycle apart.
module staging #(
    parameter LANES = 4,
    parameter WIDTH = 11
) (
    input  logic                   clk,
    input  logic                   reset,
    input  logic [LANES*WIDTH-1:0] in,
    output logic [LANES*WIDTH-1:0] out
);
  genvar i;
  generate
    for (i = 0; i < LANES; i = i + 1) begin : lane
      if (i == 0) begin : direct
        assign out[WIDTH-1:0] = in[WIDTH-1:0];
      end else begin : delayed
        logic [i*WIDTH-1:0] stages;
        if (i == 1) begin : one
          always_ff @(posedge clk)
            if (reset) stages <= '0;
            else stages <= in[i*WIDTH+:WIDTH];
        end else begin : many
          always_ff @(posedge clk)
            if (reset) stages <= '0;
            else stages <= {stages[(i-1)*WIDTH-1:0], in[i*WIDTH+:WIDTH]};
        end
        assign out[i*WIDTH+:WIDTH] = stages[(i-1)*WIDTH+:WIDTH];
      end
    end
  endgenerate
endmodule
