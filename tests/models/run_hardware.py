#!/usr/bin/python3
"""Whole networks on the generated hardware: systole run --engine rtl gives the interpreter's bits and, or it fails, the event engine's cycles.

Integers (a quantised network with a sum and a depthwise convolution; the MNIST-sized network of 121,930 parameters, quantised by
models/quantise.py, whole from the instruction memory), bf16, Q8.8 and Q4.12 (small networks of models/), on the chips that rtl_check_test
builds, too."""
import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import run_quantised

RUNS = [("transformer_tiny", "systolic-4", "bf16"), ("gpt_tiny", "systolic-4", "bf16"), ("resnet_tiny", "systolic-4", "bf16"),
        ("recurrent_tiny", "systolic-4", "bf16"), ("unet_tiny", "systolic-8", "bf16"), ("depthwise_tiny", "systolic-8", "bf16"),
        ("windows_tiny", "systolic-2-q88", "q8.8"), ("resnet_tiny", "systolic-2-q88", "q8.8"), ("windows_tiny", "systolic-2-q412", "q4.12")]


def run(systole, model, chip, arguments):
    """Cycles on the hardware; a failure's text instead if bits differ or the run fails."""
    done = subprocess.run([systole, "run", model, "--chip", chip, "--engine", "rtl", "--check", "--no-cache", "--quiet", "--json", *arguments],
                          capture_output=True, text=True, check=False)
    if not done.stdout:
        return f"exit status {done.returncode}: {done.stderr[-300:]}"
    report = json.loads(done.stdout)
    return report["cycles"] if report["outputs"][0]["same_bits"] else "bits differ from the interpreter's"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--systole", required=True, type=Path)
    parser.add_argument("--models", required=True, type=Path, help="the folder of the small networks, built if they are not there")
    options = parser.parse_args()
    systole = options.systole.resolve()
    build = Path(__file__).resolve().parents[2] / "models" / "build.py"
    subprocess.run([sys.executable, build, "--tiny", "--output", options.models], check=True, capture_output=True)
    subprocess.run([sys.executable, build, "--output", options.models, "cnn"], check=True, capture_output=True)
    failures = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.save(folder / "x.npy", run_quantised.build(folder / "quantised.onnx"))
        runs = [(folder / "quantised.onnx", chip, ["--format", "int8", "--input", f"x={folder / 'x.npy'}"]) for chip in ("systolic-4", "systolic-8")]
        subprocess.run([sys.executable, build.with_name("quantise.py"), options.models / "cnn.onnx", folder / "cnn_int8.onnx"], check=True,
                       capture_output=True)
        runs += [(folder / "cnn_int8.onnx", chip, ["--format", "int8", "--input", f"x={options.models / 'cnn.x.npy'}"])
                 for chip in ("systolic-4", "systolic-8")]
        runs += [(options.models / f"{model}.onnx", chip, ["--format", form, "--random-inputs"]) for model, chip, form in RUNS]
        for model, chip, arguments in runs:
            result = run(systole, model, chip, arguments)
            print(f"{model.stem:<16} {chip:<16} {result if isinstance(result, str) else f'{result:,} cycles'}")
            failures += isinstance(result, str)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
