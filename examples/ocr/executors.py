"""Two ways to compute a network's output: the systole program, and ONNX Runtime as the independent answer."""
import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnx

ROOT = Path(__file__).resolve().parents[2]
ORACLE = ROOT / "tests" / "oracle"
ASSETS = ORACLE / "node_modules" / "@gutenye" / "ocr-models" / "assets"
ALPHABET = ASSETS / "ppocr_keys_v1.txt"
MODELS = {"detector": ASSETS / "ch_PP-OCRv4_det_infer.onnx",
          "direction": ASSETS / "ch_ppocr_mobile_v2.0_cls_infer.onnx",
          "recogniser": ASSETS / "ch_PP-OCRv4_rec_infer.onnx"}
INPUT = "x"                # each model's only input
CHIP = "tpu-v4"


class ExecutorError(Exception):
    pass


def without_last_operator(model, path):
    """Writes the model to `path` with what its last operator reads as its output. The operator must have one input and keep the shape."""
    proto = onnx.load(str(model))
    last = proto.graph.node.pop()
    proto.graph.output[0].name = last.input[0]
    onnx.save(proto, str(path))
    return path


def run_systole(program, model, x, fmt, folder, trace=None):
    """The output of `model` on the chip's simulator, and its report. program: systole; fmt: what the matrix units multiply."""
    np.save(folder / "x.npy", x)
    shape = "x".join(str(extent) for extent in x.shape)
    command = [program, "run", MODELS[model], "--chip", CHIP, "--format", fmt, "--shape", f"{INPUT}={shape}",
               "--input", f"{INPUT}={folder / 'x.npy'}", "--output", folder, "--json", "--quiet", "--check"]
    if trace:
        command += ["--trace", trace]
    # Exit status 1: the check failed; the report says so and run.py judges it.
    report = json.loads(execute(command, (0, 1)))
    [output] = report["outputs"]
    [file] = [path for path in folder.glob("*.npy") if path.name != "x.npy"]
    y = np.load(file)
    if list(y.shape) != output["shape"]:
        raise ExecutorError(f"{file}: shape {y.shape}, the report says {output['shape']}")
    return y, report


def run_onnxruntime(model, x, folder):
    """The output of `model` in ONNX Runtime, fp32 on the host."""
    np.save(folder / "x.npy", x)
    execute(["node", ORACLE / "run.js", MODELS[model], folder, f"{INPUT}={folder / 'x.npy'}"], (0,))
    return np.load(folder / "0.npy")


def execute(command, good):
    """A command's standard output; its standard error is the message if it ends with another status than `good`."""
    try:
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    except OSError as error:
        raise ExecutorError(f"{command[0]}: {error.strerror} (make build, tools/install_npm.sh)") from error
    if done.returncode not in good:
        raise ExecutorError(done.stderr.strip() or f"{command[0]}: exit status {done.returncode}")
    return done.stdout


class Remembering:
    """A network function (see reading.py) that keeps each run by model and input, so that no run is repeated."""

    def __init__(self, name, compute, folder):
        self.name, self.compute, self.folder = name, compute, folder
        self.runs = {}         # (model, digest of x) -> (x, what compute returned)

    def run(self, model, x):
        key = (model, hashlib.sha256(repr(x.shape).encode() + x.tobytes()).hexdigest())
        if key not in self.runs:
            folder = self.folder / f"{model}-{'x'.join(str(extent) for extent in x.shape)}-{len(self.runs)}"
            os.makedirs(folder)
            begin = time.monotonic()
            self.runs[key] = (x, self.compute(model, x, folder))
            print(f"  {self.name}: {model} {list(x.shape)} in {time.monotonic() - begin:.1f} s", file=sys.stderr, flush=True)
        return self.runs[key][1]
