#!/usr/bin/python3
"""Post-training quantisation of a chain of Conv, Relu, MaxPool, Flatten and Gemm: `models/quantise.py IN.onnx OUT.onnx [--pictures N]`.

Activations become uint8 (QuantizeLinear / DequantizeLinear behind the input, each rectifier and each pool, which keeps its scale),
weights int8 per output channel, biases int32 in steps of the product. The scales of activations come from the smallest and largest values
that the float network takes on N calibration pictures (16), drawn from a seed like the sample inputs of build.py: |normal|.
Prints each scale and the error of the quantised network on pictures that calibration has not seen."""
import argparse

import numpy as np
import onnx
from onnx import helper, numpy_helper


def attribute(node, name, otherwise):
    return next((helper.get_attribute_value(a) for a in node.attribute if a.name == name), otherwise)


def windows(x, size, stride):
    view = np.lib.stride_tricks.sliding_window_view(x, size, axis=(2, 3))
    return view[:, :, ::stride[0], ::stride[1]]


def apply(node, x, w, bias):
    """A node's float value; x in single precision, sums in double."""
    if node.op_type == "Conv":
        if any(attribute(node, "pads", [])) or attribute(node, "group", 1) != 1:
            raise SystemExit("quantise: a convolution with pads or groups")
        y = np.einsum("nchwij,ocij->nohw", windows(x, w.shape[2:], attribute(node, "strides", [1, 1])), w, dtype=np.float64, optimize=True)
        return (y + bias.reshape(1, -1, 1, 1)).astype(np.float32)
    if node.op_type == "Gemm":
        return (x.astype(np.float64) @ w.astype(np.float64).T + bias).astype(np.float32)
    if node.op_type == "MaxPool":
        return windows(x, attribute(node, "kernel_shape", None), attribute(node, "strides", [1, 1])).max(axis=(4, 5))
    if node.op_type == "Flatten":
        return x.reshape(len(x), -1)
    if node.op_type == "Relu":
        return np.maximum(x, 0)
    if node.op_type == "Identity":
        return x
    raise SystemExit(f"quantise: {node.op_type} is not part of a chain that can be quantised")


def scale_of(values):
    """Scale and zero point of uint8 for a range that contains zero."""
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
    scale = np.float32(max(high - low, 1e-6) / 255)
    return scale, np.uint8(np.clip(np.rint(-low / scale), 0, 255))


def rounded(values, scale, zero, low, high):
    return np.clip(np.rint(values / scale) + zero, low, high)


class Quantiser:
    """Follows the chain with the calibration pictures (float) and with the test pictures (float and as the quantised network computes)."""

    def __init__(self, graph, calibration, test):
        self.graph = graph
        self.weights = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
        self.calibration, self.exact, self.quantised = calibration, test, test
        self.nodes, self.constants = [], []
        self.scale = self.zero = None

    def constant(self, name, value):
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def activation(self, value, same=False):
        """QuantizeLinear and DequantizeLinear behind `value`, with the scale of what stands there in calibration or, `same`, the last one."""
        if not same:
            self.scale, self.zero = scale_of(self.calibration)
        zero = self.zero
        print(f"{value:<20} scale {self.scale:.6f} zero {zero}")
        parameters = [self.constant(value + "_scale", self.scale), self.constant(value + "_zero", zero)]
        self.nodes.append(helper.make_node("QuantizeLinear", [value, *parameters], [value + "_q"]))
        self.nodes.append(helper.make_node("DequantizeLinear", [value + "_q", *parameters], [value + "_d"]))
        self.quantised = ((rounded(self.quantised, self.scale, zero, 0, 255) - zero) * self.scale).astype(np.float32)
        return value + "_d"

    def dequantised(self, name, values, scales):
        zeros = np.zeros(len(scales), values.dtype)
        inputs = [self.constant(name + "_q", values), self.constant(name + "_scale", scales), self.constant(name + "_zero", zeros)]
        self.nodes.append(helper.make_node("DequantizeLinear", inputs, [name], axis=0))
        return values * scales.reshape(-1, *[1] * (values.ndim - 1))

    def product(self, node):
        """Quantised weights and bias as values; the nodes that make them."""
        w, bias = self.weights[node.input[1]], self.weights[node.input[2]]
        if node.op_type == "Gemm" and attribute(node, "transB", 0) != 1:
            raise SystemExit("quantise: a Gemm whose weights are not [outputs, inputs]")
        largest = np.abs(w).reshape(len(w), -1).max(axis=1)
        scales = (np.maximum(largest, 1e-6) / 127).astype(np.float32)
        grid = rounded(w, scales.reshape(-1, *[1] * (w.ndim - 1)), 0, -127, 127).astype(np.int8)
        steps = (scales * self.scale).astype(np.float32)
        return (self.dequantised(node.input[1], grid, scales),
                self.dequantised(node.input[2], rounded(bias, steps, 0, -2 ** 31, 2 ** 31 - 1).astype(np.int32), steps))

    def run(self):
        current = {self.graph.input[0].name: self.activation(self.graph.input[0].name)}
        for node in self.graph.node:
            w = bias = near_w = near_bias = None
            if node.op_type in ("Conv", "Gemm"):
                w, bias = self.weights[node.input[1]], self.weights[node.input[2]]
                near_w, near_bias = self.product(node)
            self.calibration, self.exact = apply(node, self.calibration, w, bias), apply(node, self.exact, w, bias)
            self.quantised = apply(node, self.quantised, near_w, near_bias)
            copy = helper.make_node(node.op_type, [current[node.input[0]], *node.input[1:]], list(node.output), name=node.name)
            copy.attribute.extend(node.attribute)
            self.nodes.append(copy)
            output = node.output[0]
            current[output] = self.activation(output, node.op_type == "MaxPool") if node.op_type in ("Relu", "MaxPool") else output


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source")
    parser.add_argument("target")
    parser.add_argument("--pictures", type=int, default=16)
    options = parser.parse_args()
    model = onnx.load(options.source)
    shape = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
    pictures = np.abs(np.random.default_rng(5).standard_normal((options.pictures + 8, *shape[1:]), np.float32))
    quantiser = Quantiser(model.graph, pictures[:-8], pictures[-8:])
    quantiser.run()
    error = np.abs(quantiser.quantised - quantiser.exact).max() / np.abs(quantiser.exact).max()
    print(f"error on unseen pictures {error:.3f} of the largest output; same class {np.mean(quantiser.quantised.argmax(1) == quantiser.exact.argmax(1)):.2f}")
    graph = helper.make_graph(quantiser.nodes, model.graph.name + "_int8", model.graph.input, model.graph.output, quantiser.constants)
    result = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    result.ir_version = 8
    onnx.checker.check_model(result)
    onnx.save(result, options.target)


if __name__ == "__main__":
    main()
