#!/usr/bin/python3
"""Exports a small network by PyTorch's own exporter: convolutions, then attention over the positions of the picture.

Writes conv_attention.onnx, conv_attention.x.npy (the input) and conv_attention.y.npy (PyTorch's output) beside this
script. The files are committed, since PyTorch is large: this script needs Debian's python3-torch (1.13), the tests do not.
"""
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn

FOLDER = Path(__file__).resolve().parent
NAME = "conv_attention"
OPSET = 13


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.project = nn.Linear(width, width)

    def forward(self, x):
        batch, length, width = x.shape
        q, k, v = self.qkv(x).reshape(batch, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(-2, -1) * (width // self.heads) ** -0.5).softmax(dim=-1)
        return self.project((weights @ v).transpose(1, 2).reshape(batch, length, width))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm0, self.attention = nn.LayerNorm(width), Attention(width, heads)
        self.norm1 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x):
        x = x + self.attention(self.norm0(x))
        return x + self.mlp(self.norm1(x))


class ConvAttention(nn.Module):
    def __init__(self, width=32, heads=4, classes=10):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 16, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(16), nn.Hardswish(),
            nn.Conv2d(16, 16, 5, padding=2, groups=16), nn.ReLU(),
            nn.Conv2d(16, width, 3, padding=1), nn.SiLU(), nn.MaxPool2d(2))
        self.block = Block(width, heads)
        self.pool = nn.AdaptiveAvgPool1d(1)
        self.classifier = nn.Linear(width, classes)

    def forward(self, x):
        x = self.features(x).flatten(2).transpose(1, 2)
        x = self.pool(self.block(x).transpose(1, 2)).flatten(1)
        return self.classifier(x)


def main():
    torch.manual_seed(7)
    torch.set_num_threads(1)
    model = ConvAttention()
    with torch.no_grad():       # a few batches in training mode give the running statistics plausible values
        for _ in range(20):
            model(torch.randn(16, 3, 24, 32))
        model.eval()
        x = torch.randn(2, 3, 24, 32)
        y = model(x)
    torch.onnx.export(model, x, str(FOLDER / f"{NAME}.onnx"), opset_version=OPSET, input_names=["x"], output_names=["y"],
                      dynamic_axes={"x": {0: "batch"}, "y": {0: "batch"}})
    np.save(FOLDER / f"{NAME}.x.npy", x.numpy())
    np.save(FOLDER / f"{NAME}.y.npy", y.numpy())
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters", file=sys.stderr)


if __name__ == "__main__":
    main()
