; Exclusive or: training in a loop, then the predictions.
.mse predictions=29 targets=8 count=4
; the host writes X, Y, W1, B1, W2 and B2: the second channel's word stands first
write1=0 pathway=1100 scale=128 leak=26
write1=0 write2=0
write1=256 write2=256
write1=256 write2=0
write1=0 write2=256
write1=256
write1=256
write1=0
write1=76
write1=23 write2=-148
write1=-126 write2=108
write1=135 write2=48
write1=163 write2=76
idle
loop 200
  ; hidden layer: H1 = leaky(X W1' + B1)
  read weight at=12 rows=2 cols=2 transpose pathway=1100
  idle
  read input at=0 rows=4 cols=2
  switch
  read bias at=16 rows=4 cols=2 wait
  ; last layer, loss and its derivative: dZ2; B2 descends
  read weight at=18 rows=1 cols=2 transpose
  idle
  read input at=21 rows=4 cols=2 pathway=1111
  switch
  read bias at=20 rows=4 cols=1
  idle
  read target at=8 rows=4 cols=1
  idle
  read old_bias at=20 rows=4 cols=1 wait
  ; back through W2: dZ1; B1 descends
  read weight at=18 rows=1 cols=2
  idle
  read input at=29 rows=4 cols=1 pathway=0001
  switch
  read activation at=21 rows=4 cols=2
  read old_bias at=16 rows=4 cols=2 wait
  ; dW1 of samples 0 and 1; W1 descends
  read weight at=0 rows=2 cols=2
  idle
  read input at=33 rows=2 cols=2 transpose pathway=0000
  switch
  read old_weight at=12 rows=2 cols=2 wait
  ; dW1 of samples 2 and 3; W1 descends
  read weight at=4 rows=2 cols=2
  idle
  read input at=37 rows=2 cols=2 transpose pathway=0000
  switch
  read old_weight at=12 rows=2 cols=2 wait
  ; dW2 of samples 0 and 1; W2 descends
  read weight at=21 rows=2 cols=2
  idle
  read input at=29 rows=2 cols=1 transpose pathway=0000
  switch
  read old_weight at=18 rows=1 cols=2 wait
  ; dW2 of samples 2 and 3; W2 descends
  read weight at=25 rows=2 cols=2
  idle
  read input at=31 rows=2 cols=1 transpose pathway=0000
  switch
  read old_weight at=18 rows=1 cols=2 wait
  ; the next step's results over these
  pointer 21
end
; hidden layer: H1 = leaky(X W1' + B1)
read weight at=12 rows=2 cols=2 transpose pathway=1100
idle
read input at=0 rows=4 cols=2
switch
read bias at=16 rows=4 cols=2 wait
; predictions: H2 = leaky(H1 W2' + B2)
read weight at=18 rows=1 cols=2 transpose
idle
read input at=21 rows=4 cols=2
switch
read bias at=20 rows=4 cols=1 wait
halt
