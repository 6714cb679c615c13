#!/usr/bin/python3
"""example_test.py SYSTOLE FOLDER: the example writes its files, and its product is the product."""
import subprocess
import sys
from pathlib import Path

import numpy as np

from dump import Dump

ROOT = Path(__file__).resolve().parents[2]
SUFFIXES = (".vcd", ".gtkw", ".html", ".svg")


def main():
    systole, folder = Path(sys.argv[1]), Path(sys.argv[2])
    subprocess.run([sys.executable, "-B", ROOT / "examples" / "waves" / "run.py", "--systole", systole, "--output", folder], check=True)
    names = sorted(path.name for path in folder.iterdir())
    assert names == sorted(name + suffix for name in ("product4x4", "xor", "xor_forward") for suffix in SUFFIXES), names
    waves = Dump(folder / "product4x4.vcd")
    x = np.array([[1, 2, 3, 4], [0, -1, 2, 1], [5, 0, -2, 3], [2, 2, 1, -3]])
    w = np.array([[1, 0, 2, -1], [3, 1, 0, 2], [-2, 4, 1, 0], [0, -1, 3, 5]])
    last = len(waves.clock) - 1
    y = [[waves.after(f"systole.core0.accumulators.row_{m}_{n}", last) for n in range(4)] for m in range(4)]
    assert (np.array(y) == x @ w).all(), y
    return 0


if __name__ == "__main__":
    sys.exit(main())
