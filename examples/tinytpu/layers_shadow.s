; Six layers of a 2-2 network on five samples: each layer's weights go into the shadow registers while the layer before computes, and
; its inputs are read as soon as they are written. 6 cycles a layer: the inputs alone need them. layers.s loads first, then computes: 12.
; the host writes, layer by layer, four weights and two biases, then five samples
write1=-146 write2=31 pathway=1100 leak=64
write1=-251 write2=104
write1=61 write2=-43
write1=248 write2=-226
write1=74 write2=-204
write1=49 write2=60
write1=-241 write2=296
write1=-81 write2=219
write1=47 write2=-85
write1=-212 write2=-262
write1=128 write2=144
write1=1 write2=49
write1=-54 write2=-229
write1=264 write2=-208
write1=-44 write2=-88
write1=-240 write2=134
write1=-174 write2=279
write1=42 write2=-89
write1=40 write2=-120
write1=-109 write2=173
write1=59 write2=-136
write1=-151 write2=-71
write1=125 write2=-64
idle
; the first layer's weights
read weight at=0 rows=2 cols=2 transpose
idle
; layer 0
read input at=36 rows=5 cols=2
switch
read bias at=4 rows=5 cols=2
read weight at=6 rows=2 cols=2 transpose
idle
idle
; layer 1
read input at=46 rows=5 cols=2
switch
read bias at=10 rows=5 cols=2
read weight at=12 rows=2 cols=2 transpose
idle
idle
; layer 2
read input at=56 rows=5 cols=2
switch
read bias at=16 rows=5 cols=2
read weight at=18 rows=2 cols=2 transpose
idle
idle
; layer 3
read input at=66 rows=5 cols=2
switch
read bias at=22 rows=5 cols=2
read weight at=24 rows=2 cols=2 transpose
idle
idle
; layer 4
read input at=76 rows=5 cols=2
switch
read bias at=28 rows=5 cols=2
read weight at=30 rows=2 cols=2 transpose
idle
idle
; layer 5
read input at=86 rows=5 cols=2
switch
read bias at=34 rows=5 cols=2
