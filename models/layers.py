"""Layers that the models share. Each takes the writer and the name of its input, and returns the name of its output.

Weights are scaled after He (ahead of a rectifier) or Xavier, so activations stay near 1 at any depth.
"""
import math

import numpy as np


def convolution(w, name, x, channels, out, kernel, stride=1, padding=None, group=1, dilation=1, bias=True):
    """NCHW; `padding` on every side, and if left out what keeps the extent at stride 1."""
    kh, kw = (kernel, kernel) if isinstance(kernel, int) else kernel
    w.scope.append(name)
    inputs = [x, w.normal("weight", (out, channels // group, kh, kw), math.sqrt(2 * group / (channels * kh * kw)))]
    if bias:
        inputs.append(w.normal("bias", (out,), 0.1))
    ph, pw = ((kh - 1) * dilation // 2, (kw - 1) * dilation // 2) if padding is None else (padding, padding)
    y = w.node("Conv", *inputs, kernel_shape=[kh, kw], strides=[stride, stride], pads=[ph, pw, ph, pw], group=group,
               dilations=[dilation, dilation])
    w.scope.pop()
    return y


def batch_norm(w, name, x, channels, gain=1.0):
    """With running statistics as training leaves them: means near 0, variances near 1."""
    w.scope.append(name)
    y = w.node("BatchNormalization", x, w.uniform("weight", (channels,), 0.8 * gain, 1.2 * gain),
               w.normal("bias", (channels,), 0.1), w.normal("running_mean", (channels,), 0.2),
               w.uniform("running_variance", (channels,), 0.6, 1.4), epsilon=1e-5)
    w.scope.pop()
    return y


def activate(w, kind, x):
    if kind is None:
        return x
    if kind == "Relu6":
        return w.node("Clip", x, w.constant(0.0), w.constant(6.0))
    return w.node(kind, x)


def conv_bn(w, name, x, channels, out, kernel, stride=1, group=1, activation="Relu", gain=1.0):
    w.scope.append(name)
    y = convolution(w, "conv", x, channels, out, kernel, stride, group=group, bias=False)
    y = activate(w, activation, batch_norm(w, "bn", y, out, gain))
    w.scope.pop()
    return y


def squeeze_excite(w, name, x, channels, reduced):
    w.scope.append(name)
    s = w.node("GlobalAveragePool", x)
    s = w.node("Relu", convolution(w, "reduce", s, channels, reduced, 1))
    s = w.node("HardSigmoid", convolution(w, "expand", s, reduced, channels, 1), alpha=0.2, beta=0.5)
    w.scope.pop()
    return w.node("Mul", x, s)


def dense(w, name, x, inputs, outputs):
    """Gemm on rows [N, inputs], weights stored [outputs, inputs] as PyTorch does."""
    w.scope.append(name)
    y = w.node("Gemm", x, w.normal("weight", (outputs, inputs), math.sqrt(1 / inputs)),
               w.normal("bias", (outputs,), 0.1), transB=1)
    w.scope.pop()
    return y


def linear(w, name, x, inputs, outputs, gain=1.0):
    """MatMul and Add on [..., inputs], weights stored [inputs, outputs]."""
    w.scope.append(name)
    y = w.node("MatMul", x, w.normal("weight", (inputs, outputs), gain * math.sqrt(1 / inputs)))
    y = w.node("Add", w.normal("bias", (outputs,), 0.1 * gain), y)
    w.scope.pop()
    return y


def layer_norm(w, name, x, width, epsilon=1e-5):
    """Over the last axis: one operator from opset 17 on, its definition before."""
    w.scope.append(name)
    gain, shift = w.uniform("weight", (width,), 0.8, 1.2), w.normal("bias", (width,), 0.1)
    if w.opset >= 17:
        y = w.node("LayerNormalization", x, gain, shift, axis=-1, epsilon=epsilon)
    else:
        centred = w.node("Sub", x, w.node("ReduceMean", x, axes=[-1], keepdims=1))
        variance = w.node("ReduceMean", w.node("Pow", centred, w.constant(2.0)), axes=[-1], keepdims=1)
        deviation = w.node("Sqrt", w.node("Add", variance, w.constant(epsilon)))
        y = w.node("Add", w.node("Mul", w.node("Div", centred, deviation), gain), shift)
    w.scope.pop()
    return y


def gelu_erf(w, x):
    """x / 2 * (1 + erf(x / sqrt 2))"""
    e = w.node("Erf", w.node("Div", x, w.constant(math.sqrt(2))))
    return w.node("Mul", w.node("Mul", x, w.node("Add", e, w.constant(1.0))), w.constant(0.5))


def gelu_tanh(w, x):
    """GPT-2's approximation: x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))"""
    inner = w.node("Add", x, w.node("Mul", w.node("Pow", x, w.constant(3.0)), w.constant(0.044715)))
    t = w.node("Tanh", w.node("Mul", inner, w.constant(math.sqrt(2 / math.pi))))
    return w.node("Mul", w.node("Mul", x, w.constant(0.5)), w.node("Add", t, w.constant(1.0)))


def shape(w, x, *extents):
    return w.node("Reshape", x, w.constant(extents, np.int64))


def split_heads(w, x, heads, width):
    """[N, S, heads * width] to [N, heads, S, width]"""
    return w.node("Transpose", shape(w, x, 0, 0, heads, width), perm=[0, 2, 1, 3])


def join_heads(w, x, heads, width):
    return shape(w, w.node("Transpose", x, perm=[0, 2, 1, 3]), 0, 0, heads * width)


def attention(w, query, key, value, width, mask=None):
    """softmax(query key^T / sqrt(width) masked) value, each [N, heads, S, width]. mask: the scores to the masked ones."""
    scores = w.node("MatMul", query, w.node("Transpose", key, perm=[0, 1, 3, 2]))
    scores = w.node("Div", scores, w.constant(math.sqrt(width)))
    if mask:
        scores = mask(scores)
    return w.node("MatMul", w.node("Softmax", scores, axis=-1), value)
