// The buffer's 128 words as registers: twelve reads and four writes in one clock; of two writes to one word the later slot's
// counts.
module tinytpu_registers (
    input  logic         clk,
    input  logic         reset,
    input  logic         advance,
    input  logic [ 11:0] read_want,
    input  logic [ 83:0] read_address,
    output logic [191:0] read_data,
    input  logic [  3:0] write_want,
    input  logic [ 27:0] write_address,
    input  logic [ 63:0] write_data,
    output logic         ready
);
  assign ready = 1'b1;
  logic [2047:0] words;
  genvar i;
  generate
    for (i = 0; i < 128; i = i + 1) begin : word
      logic [3:0] hit;
      assign hit = {write_want[3] && write_address[21+:7] == 7'(i), write_want[2] && write_address[14+:7] == 7'(i),
                    write_want[1] && write_address[7+:7] == 7'(i), write_want[0] && write_address[0+:7] == 7'(i)};
      logic [15:0] value;
      assign words[i*16+:16] = value;
      always_ff @(posedge clk) begin
        if (reset) value <= 16'd0;
        else if (advance && hit != 4'd0) value <= hit[3] ? write_data[63:48] : hit[2] ? write_data[47:32] : hit[1] ? write_data[31:16] : write_data[15:0];
      end
    end
    for (i = 0; i < 12; i = i + 1) begin : lane
      assign read_data[i*16+:16] = read_want[i] ? words[{read_address[i*7+:7], 4'd0}+:16] : 16'd0;
    end
  endgenerate
endmodule
