; Two products of 4x4 int8 matrices on systolic-4, the second's weights pushed behind the first's rows:  systole waves two_tiles.s --html two_tiles.html
chip "systolic-4" format="int8"
memory hbm=256 vmem=128
output "y" type=i32 shape=8x4 space=hbm address=64
; x, the left operand of both products: 1 2 3 4 | 0 -1 2 1 | 5 0 -2 3 | 2 2 1 -3
image space=hbm address=0 bytes=16
  data 01020304
  data 00ff0201
  data 0500fe03
  data 020201fd
; w of the first product: 1 0 2 -1 | 3 1 0 2 | -2 4 1 0 | 0 -1 3 5; of the second: 7 -3 0 2 | 1 1 -5 0 | 0 6 2 -1 | -4 0 1 3
image space=hbm address=16 bytes=32
  data 010002ff
  data 03010002
  data fe040100
  data 00ff0305
  data 07fd0002
  data 0101fb00
  data 000602ff
  data fc000103
core 0
  dma0: load far=0x0 local=0x0 bytes=48 signal=push0,mxu0
  push0: push weights=0x10 pitch=4 rows=4 columns=4 type=i8 format=i8 wait=dma0 signal=mxu0
  mxu0: pad step_pitch=4 type=i8
  mxu0: matmul source=0x0 out_columns=4 length=4 columns=4 format=i8 wait=dma0,push0
  push0: push weights=0x20 pitch=4 rows=4 columns=4 type=i8 format=i8 signal=mxu0
  mxu0: matmul source=0x0 accumulator=4 out_columns=4 length=4 columns=4 format=i8 wait=push0 signal=dma0
  dma0: store far=0x40 local_space=accumulators local=0x0 bytes=16 rows=8 pitch=16 wait=mxu0
  scalar: halt
