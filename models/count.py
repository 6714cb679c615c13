"""Multiply-accumulates of a model by formula: from its operators and shapes, with nothing of the compiler."""
import math

import onnx
from onnx import helper, shape_inference


def shapes(model, samples):
    """{value: extents}, the inputs having those of the samples."""
    fixed = onnx.ModelProto()
    fixed.CopyFrom(model)
    del fixed.graph.value_info[:]
    for value in fixed.graph.input:
        for extent, size in zip(value.type.tensor_type.shape.dim, samples[value.name].shape):
            extent.dim_value = size
    for value in fixed.graph.output:        # a declared dynamic extent would stand against the inferred one
        value.type.tensor_type.ClearField("shape")
    graph = shape_inference.infer_shapes(fixed, strict_mode=True, data_prop=True).graph
    known = {tensor.name: list(tensor.dims) for tensor in graph.initializer}
    for value in (*graph.input, *graph.value_info, *graph.output):
        known[value.name] = [extent.dim_value for extent in value.type.tensor_type.shape.dim]
    return known


def node_macs(node, known):
    if node.op_type == "Conv":              # every output element: its group's channels and the window
        return math.prod(known[node.output[0]]) * math.prod(known[node.input[1]][1:])
    if node.op_type == "ConvTranspose":     # every input element: its group's output channels and the window
        return math.prod(known[node.input[0]]) * math.prod(known[node.input[1]][1:])
    if node.op_type in ("MatMul", "Gemm"):
        transposed = any(a.name == "transA" and helper.get_attribute_value(a) for a in node.attribute)
        return math.prod(known[node.output[0]]) * known[node.input[0]][-2 if transposed else -1]
    if node.op_type in ("LSTM", "GRU", "RNN"):
        steps, batch, _ = known[node.input[0]]
        return steps * batch * (math.prod(known[node.input[1]]) + math.prod(known[node.input[2]]))
    return 0


def macs(model, samples):
    known = shapes(model, samples)
    return sum(node_macs(node, known) for node in model.graph.node)
