"""Transformers and recurrent networks on tokens."""
import math

import numpy as np

from layers import attention, dense, gelu_erf, gelu_tanh, join_heads, layer_norm, linear, shape, split_heads
from writer import Writer, random


def tokens(name, length, vocabulary):
    return random("input", name).integers(0, vocabulary, (1, length), np.int64)


def bert(name, opset, layers, width, heads, length, vocabulary):
    """An encoder after BERT: normalised after each sum, GELU by Erf, a mask of the padding as an input."""
    w = Writer(name, opset)
    ids = w.input("input_ids", tokens(name, length, vocabulary))
    present = np.ones((1, length), np.int64)
    present[0, length - length // 8:] = 0
    given = w.node("Cast", w.input("attention_mask", present), to=1)
    hidden = w.node("Unsqueeze", w.node("Sub", w.constant(1.0), given), w.constant([1, 2], np.int64))
    penalty = w.node("Mul", hidden, w.constant(-10000.0))

    x = w.node("Gather", w.normal("word", (vocabulary, width), 1), ids)
    x = w.node("Add", x, w.normal("position", (1, length, width), 0.5))
    x = layer_norm(w, "embedding", x, width)
    size = width // heads
    for i in range(layers):
        w.scope.append(f"layer{i}")
        q, k, v = (split_heads(w, linear(w, part, x, width, width), heads, size) for part in ("query", "key", "value"))
        a = attention(w, q, k, v, size, lambda scores: w.node("Add", scores, penalty))
        a = linear(w, "project", join_heads(w, a, heads, size), width, width)
        x = layer_norm(w, "norm0", w.node("Add", x, a), width)
        h = gelu_erf(w, linear(w, "up", x, width, 4 * width))
        x = layer_norm(w, "norm1", w.node("Add", x, linear(w, "down", h, 4 * width, width)), width)
        w.scope.pop()
    w.output("hidden", x, [1, length, width])
    first = w.node("Gather", x, w.constant(0, np.int64), axis=1)
    w.output("pooled", w.node("Tanh", dense(w, "pooler", first, width, width)), [1, width])
    return w


def gpt2_layer(w, i, x, heads, size, layers, attend):
    """attend: (query, key, value) to their attention, which differs between a whole sequence and one token."""
    width = heads * size
    w.scope.append(f"layer{i}")
    qkv = linear(w, "qkv", layer_norm(w, "norm0", x, width), width, 3 * width)
    parts = w.node("Split", qkv, w.constant([width] * 3, np.int64), outputs=3, axis=2)
    a = attend(i, *(split_heads(w, part, heads, size) for part in parts))
    gain = 1 / math.sqrt(2 * layers)       # GPT-2: what is added to the residual shrinks with the depth
    x = w.node("Add", x, linear(w, "project", join_heads(w, a, heads, size), width, width, gain))
    h = gelu_tanh(w, linear(w, "up", layer_norm(w, "norm1", x, width), width, 4 * width))
    x = w.node("Add", x, linear(w, "down", h, 4 * width, width, gain))
    w.scope.pop()
    return x


def gpt2_ends(w, layers, heads, size, vocabulary, context, ids, positions, attend):
    """Embedding, layers, and the logits by the embedding's own weights."""
    width = heads * size
    embedding = w.normal("token", (vocabulary, width), 0.5)
    x = w.node("Add", w.node("Gather", embedding, ids),
               w.node("Gather", w.normal("position", (context, width), 0.2), positions))
    for i in range(layers):
        x = gpt2_layer(w, i, x, heads, size, layers, attend)
    x = shape(w, layer_norm(w, "final", x, width), -1, width)
    logits = w.node("Gemm", x, embedding, transB=1, alpha=1 / math.sqrt(width))
    return w.node("Unsqueeze", logits, w.constant([0], np.int64))


def gpt2(name, weights, opset, layers, heads, size, vocabulary, context, length):
    """A whole sequence under a causal mask."""
    w = Writer(name, opset, weights)
    ids = w.input("input_ids", tokens(name, length, vocabulary))
    seen = w.constant(np.tril(np.ones((1, 1, length, length))), np.bool_)

    def attend(_, q, k, v):
        return attention(w, q, k, v, size, lambda scores: w.node("Where", seen, scores, w.constant(-1e9)))

    positions = w.constant(np.arange(length)[None], np.int64)
    logits = gpt2_ends(w, layers, heads, size, vocabulary, context, ids, positions, attend)
    w.output("logits", logits, [1, length, vocabulary])
    return w


def gpt2_cached(name, weights, opset, layers, heads, size, vocabulary, context, past):
    """One new token after `past` others, whose keys and values are inputs; all of them are outputs."""
    w = Writer(name, opset, weights)
    ids = w.input("input_ids", tokens(name, 1, vocabulary))
    position = w.input("position_ids", np.array([[past]], np.int64))
    present = []

    def attend(i, q, k, v):
        joined = []
        for part, new in (("key", k), ("value", v)):
            draw = random("input", name, part, str(i)).standard_normal((1, heads, past, size), np.float32)
            old = w.input(f"past_{part}_{i}", draw)
            joined.append(w.node("Concat", old, new, axis=2))
            present.append((f"present_{part}_{i}", joined[-1]))
        return attention(w, q, *joined, size)

    w.output("logits", gpt2_ends(w, layers, heads, size, vocabulary, context, ids, position, attend), [1, 1, vocabulary])
    for key, value in present:
        w.output(key, value, [1, heads, past + 1, size])
    return w


def recurrent_tiny(name):
    """An LSTM, a GRU and a dense layer over 7 steps, batch 2."""
    w = Writer(name, 14)
    steps, batch, inputs, hidden = 7, 2, 12, 16
    x = w.input("x", random("input", name).standard_normal((steps, batch, inputs), np.float32))
    for kind, gates, extent in (("LSTM", 4, inputs), ("GRU", 3, hidden)):
        w.scope.append(kind)
        x = w.node(kind, x, w.normal("weight", (1, gates * hidden, extent), math.sqrt(1 / extent)),
                   w.normal("recurrence", (1, gates * hidden, hidden), math.sqrt(1 / hidden)),
                   w.normal("bias", (1, 2 * gates * hidden), 0.1), hidden_size=hidden)
        x = w.node("Squeeze", x, w.constant([1], np.int64))
        w.scope.pop()
    w.output("y", linear(w, "head", x, hidden, 5), [steps, batch, 5])
    return w
