#!/usr/bin/python3
"""Writes what there is to look at: the array of two small chips at work, as pages, animations and waves.

Exit status: 0 written; 2 could not.
"""
import argparse
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PICTURES = {"product4x4": [HERE / "product4x4.s"],
            "xor": ["xor", "--chip", "tinytpu"],                       # a training step, which begins with the forward pass
            "xor_forward": ["xor", "--chip", "tinytpu", "--steps", "0"]}


def main():
    parser = argparse.ArgumentParser(description="Pages, animations and waves of a 4x4 product and of TinyTPU learning exclusive or.")
    parser.add_argument("--systole", type=Path, default=ROOT / "build" / "release" / "systole", help="the program")
    parser.add_argument("--output", type=Path, default=ROOT / "out" / "waves", help="folder, emptied first")
    options = parser.parse_args()
    shutil.rmtree(options.output, ignore_errors=True)
    options.output.mkdir(parents=True)
    for name, program in PICTURES.items():
        path = options.output.resolve() / name
        command = [options.systole.resolve(), "waves", *program, "--quiet", "-o", f"{path}.vcd", "--html", f"{path}.html", "--svg", f"{path}.svg"]
        if subprocess.run(command, stdout=subprocess.DEVNULL).returncode != 0:
            return 2
    print(f"In {options.output}: the array pulsing: product4x4.html, xor.html, xor_forward.html (open them in a browser); the same as .svg, and as .vcd with a"
          " .gtkw for GTKWave.")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except OSError as error:
        print(f"waves: {error}", file=sys.stderr)
        sys.exit(2)
