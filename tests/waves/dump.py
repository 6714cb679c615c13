"""A reader of value change dumps, and the product that the tests look at."""

PRODUCT = """chip "systolic-4" format="int8"
memory hbm=128 vmem=64
input "x" type=i8 shape=4x4 space=hbm address=0
input "w" type=i8 shape=4x4 space=hbm address=16
output "y" type=i32 shape=4x4 space=hbm address=64
core 0
  dma0: load far=0x0 local=0x0 bytes=32 signal=push0,mxu0
  push0: push weights=0x10 pitch=4 rows=4 columns=4 type=i8 format=i8 wait=dma0 signal=mxu0
  mxu0: pad step_pitch=4 type=i8
  mxu0: matmul source=0x0 out_columns=4 length=4 columns=4 format=i8 wait=dma0,push0 signal=dma0
  dma0: store far=0x40 local_space=accumulators local=0x0 bytes=16 rows=4 pitch=16 wait=mxu0
  scalar: halt
"""


def read(path):
    """Names to (code, width), codes to [(time, value)], and the times of the clock's rises."""
    names, changes, scope, time, clock = {}, {}, [], 0, []
    for line in path.read_text().splitlines():
        word = line.split()
        if not word:
            continue
        if word[0] == "$scope":
            scope.append(word[2])
        elif word[0] == "$upscope":
            scope.pop()
        elif word[0] == "$var":
            names[".".join([*scope, word[4]])] = (word[3], int(word[2]))
        elif word[0][0] == "#":
            time = int(word[0][1:])
        elif word[0][0] == "b" and len(word) == 2:
            changes.setdefault(word[1], []).append((time, int(word[0][1:], 2)))
        elif word[0][0] in "01" and len(word) == 1:
            changes.setdefault(word[0][1:], []).append((time, int(word[0][0])))
            if word[0][1:] == names["systole.clk"][0] and word[0][0] == "1":
                clock.append(time)
    return names, changes, clock


class Dump:
    def __init__(self, path):
        self.names, self.changes, self.clock = read(path)

    def after(self, name, cycle):
        """A register's value after the clock of a cycle, signed if it is wider than a bit."""
        code, width = self.names[name]
        time = self.clock[cycle + 1] if cycle + 1 < len(self.clock) else float("inf")
        value = [v for t, v in self.changes[code] if t <= time][-1]
        return value - (1 << width) if width > 1 and value >> (width - 1) else value
