#!/usr/bin/python3
"""A quantised network (QuantizeLinear / DequantizeLinear around every operator, per-channel int8 weights) on the int8 chips.

Asked: integer products only (the lowered graph has no convolution of floats), the interpreter's bits, no hazard, and ONNX Runtime's
output within 2 % of its largest magnitude (one rounding apart may move a requantised value by one step)."""
import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ORACLE = Path(__file__).resolve().parents[1] / "oracle" / "run.js"
CHIPS = ("tpu-v1", "edge-tpu", "systolic-4", "systolic-8", "systolic-16", "systolic-32")


class Builder:
    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.nodes, self.constants = [], []

    def constant(self, name, value):
        self.constants.append(numpy_helper.from_array(np.array(value), name))
        return name

    def node(self, operator, inputs, output, **attributes):
        self.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def requantised(self, x, name, scale, zero, dtype=np.uint8):
        parameters = [self.constant(name + "_scale", np.float32(scale)), self.constant(name + "_zero", dtype(zero))]
        quantised = self.node("QuantizeLinear", [x, *parameters], name + "_q")
        return self.node("DequantizeLinear", [quantised, *parameters], name)

    def dequantised(self, name, values, scales):
        zeros = self.constant(name + "_zero", np.zeros(len(scales), values.dtype))
        return self.node("DequantizeLinear", [self.constant(name + "_q", values), self.constant(name + "_scale", scales), zeros], name, axis=0)

    def convolution(self, x, input_scale, channels, outputs, size, name, group=1):
        scales = (self.random.random(outputs) * 0.01 + 0.005).astype(np.float32)
        weights = self.random.integers(-100, 100, (outputs, channels // group, size, size)).astype(np.int8)
        bias = self.random.integers(-500, 500, outputs).astype(np.int32)
        operands = [x, self.dequantised(name + "_w", weights, scales), self.dequantised(name + "_b", bias, scales * np.float32(input_scale))]
        y = self.node("Conv", operands, name, pads=[size // 2] * 4, group=group)
        return self.node("Relu", [y], name + "_relu")


def build(path):
    b = Builder(1)
    x = b.requantised("x", "x0", 0.02, 128)
    y = b.requantised(b.convolution(x, 0.02, 3, 8, 3, "first"), "y1", 0.05, 0)
    d = b.requantised(b.convolution(y, 0.05, 8, 8, 3, "depthwise", group=8), "y2", 0.1, 3)
    z = b.requantised(b.convolution(d, 0.1, 8, 8, 1, "pointwise"), "y3", 0.05, 0)
    s = b.requantised(b.node("Add", [y, z], "sum"), "y4", 0.1, 0)
    b.node("GlobalAveragePool", [s], "y")
    graph = helper.make_graph(b.nodes, "quantised", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 12, 12])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 8, 1, 1])], b.constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.save(model, path)
    return b.random.uniform(-2.5, 2.5, (1, 3, 12, 12)).astype(np.float32)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--systole", required=True, type=Path)
    systole = parser.parse_args().systole.resolve()
    failures = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.save(folder / "x.npy", build(folder / "q.onnx"))
        (folder / "ort").mkdir()
        subprocess.run(["node", ORACLE, folder / "q.onnx", folder / "ort", f"x={folder / 'x.npy'}"], check=True, capture_output=True)
        reference = np.load(folder / "ort" / "0.npy")
        for chip in CHIPS:
            command = [systole, "run", folder / "q.onnx", "--chip", chip, "--format", "int8", "--input", f"x={folder / 'x.npy'}", "--output", folder / chip,
                       "--check", "--check-hazards", "--no-cache", "--json", "--dump-after", "simplify-again"]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                failures.append(f"{chip}: exit status {done.returncode}: {done.stderr[-300:]}")
                continue
            report = json.loads(done.stdout)
            error = float(np.abs(np.load(folder / chip / "y.npy") - reference).max() / np.abs(reference).max())
            products = [line for line in done.stderr.splitlines() if "stablehlo.convolution" in line]
            print(f"{chip:<12} {report['cycles']:>9,} cycles  error {error:.1e}  {len(products)} integer products")
            if len(products) != 3 or not all(line.rstrip().endswith("xi32>") for line in products):
                failures.append(f"{chip}: products of floats in the lowered graph")
            if not report["outputs"][0]["same_bits"]:
                failures.append(f"{chip}: bits differ from the interpreter's")
            if not error <= 0.02:
                failures.append(f"{chip}: {error:.2g} from ONNX Runtime")
    for failure in failures:
        print("FAILED", failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
