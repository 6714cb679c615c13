"""Networks on pictures, NCHW. Architectures after their papers; the parameter counts of build.py hold them to it."""
import numpy as np

from layers import batch_norm, conv_bn, convolution, dense, squeeze_excite
from writer import Writer, random


def picture(name, *shape):
    """A sample input: noise about the mean, as normalised pictures are."""
    return random("input", name).standard_normal(shape, np.float32)


def mlp(name, widths, batch):
    """Dense layers with rectifiers between; the batch is a dynamic extent."""
    w = Writer(name, 13)
    x = w.input("x", picture(name, batch, widths[0]), ["N", widths[0]])
    for i, (inputs, outputs) in enumerate(zip(widths, widths[1:])):
        if i:
            x = w.node("Relu", x)
        x = dense(w, f"dense{i}", x, inputs, outputs)
    w.output("y", x, ["N", widths[-1]])
    return w


def mnist_cnn(name):
    """The small network of the field's tutorials: two convolutions, two dense layers, 28 x 28 digits."""
    w = Writer(name, 13)
    x = w.input("x", np.abs(picture(name, 1, 1, 28, 28)))
    x = w.node("Relu", convolution(w, "conv0", x, 1, 32, 3, padding=0))
    x = w.node("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    x = w.node("Relu", convolution(w, "conv1", x, 32, 64, 3, padding=0))
    x = w.node("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    x = w.node("Relu", dense(w, "dense0", w.node("Flatten", x), 1600, 64))
    w.output("y", dense(w, "dense1", x, 64, 10), [1, 10])
    return w


def bottleneck(w, name, x, channels, middle, out, stride):
    """ResNet v1.5's block: the stride is on the 3 x 3 convolution. A small last gain keeps the sum near 1."""
    w.scope.append(name)
    y = conv_bn(w, "a", x, channels, middle, 1)
    y = conv_bn(w, "b", y, middle, middle, 3, stride)
    y = conv_bn(w, "c", y, middle, out, 1, activation=None, gain=0.3)
    if stride != 1 or channels != out:
        x = conv_bn(w, "shortcut", x, channels, out, 1, stride, activation=None)
    w.scope.pop()
    return w.node("Relu", w.node("Add", y, x))


def resnet(name, size, stem, blocks, classes):
    """Bottleneck ResNet; blocks: how many per stage, each stage twice as wide as the one before."""
    w = Writer(name, 13)
    x = w.input("x", picture(name, 1, 3, size, size))
    x = conv_bn(w, "stem", x, 3, stem, 7, 2)
    x = w.node("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    channels = stem
    for stage, count in enumerate(blocks):
        for block in range(count):
            middle = stem << stage
            stride = 2 if stage and not block else 1
            x = bottleneck(w, f"stage{stage}.{block}", x, channels, middle, 4 * middle, stride)
            channels = 4 * middle
    x = w.node("Flatten", w.node("GlobalAveragePool", x))
    w.output("y", dense(w, "classifier", x, channels, classes), [1, classes])
    return w


def inverted_residual(w, name, x, channels, out, expansion, stride, kernel=3, activation="Relu6", squeeze=0):
    w.scope.append(name)
    middle = channels * expansion
    y = conv_bn(w, "expand", x, channels, middle, 1, activation=activation) if expansion > 1 else x
    y = conv_bn(w, "depthwise", y, middle, middle, kernel, stride, group=middle, activation=activation)
    if squeeze:
        y = squeeze_excite(w, "squeeze", y, middle, squeeze)
    y = conv_bn(w, "project", y, middle, out, 1, activation=None, gain=0.7)
    w.scope.pop()
    return w.node("Add", x, y) if stride == 1 and channels == out else y


def mobilenet_v2(name, size, stem, stages, last, classes):
    """stages: (expansion, channels, blocks, stride of the first block)"""
    w = Writer(name, 13)
    x = w.input("x", picture(name, 1, 3, size, size))
    x = conv_bn(w, "stem", x, 3, stem, 3, 2, activation="Relu6")
    channels = stem
    for stage, (expansion, out, count, stride) in enumerate(stages):
        for block in range(count):
            x = inverted_residual(w, f"stage{stage}.{block}", x, channels, out, expansion, 1 if block else stride)
            channels = out
    x = conv_bn(w, "last", x, channels, last, 1, activation="Relu6")
    x = w.node("Flatten", w.node("GlobalAveragePool", x))
    w.output("y", dense(w, "classifier", x, last, classes), [1, classes])
    return w


def depthwise_tiny(name):
    """MobileNetV3's parts: 3x3 and 5x5 depthwise, squeeze and excite, HardSwish."""
    w = Writer(name, 14)
    x = w.input("x", picture(name, 1, 3, 24, 20))
    x = conv_bn(w, "stem", x, 3, 8, 3, 2, activation="HardSwish")
    x = inverted_residual(w, "a", x, 8, 8, 3, 1, activation="Relu", squeeze=8)
    x = inverted_residual(w, "b", x, 8, 16, 3, 2, kernel=5, activation="HardSwish")
    x = inverted_residual(w, "c", x, 16, 16, 3, 1, kernel=5, activation="HardSwish", squeeze=16)
    w.output("y", x, [1, 16, 6, 5])
    return w


def windows_tiny(name):
    """Window shapes that the usual networks lack: groups, dilation, oblong kernels, average pools, reflected borders."""
    w = Writer(name, 13)
    x = w.input("x", picture(name, 2, 6, 15, 17))
    x = w.node("Pad", x, w.constant([0, 0, 1, 2, 0, 0, 2, 1], np.int64), mode="reflect")
    x = w.node("LeakyRelu", convolution(w, "grouped", x, 6, 12, 3, group=3), alpha=0.1)
    x = w.node("AveragePool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], count_include_pad=0)
    x = w.node("PRelu", convolution(w, "dilated", x, 12, 16, 3, dilation=2), w.uniform("slope", (16, 1, 1), 0.0, 0.5))
    x = w.node("Sigmoid", convolution(w, "wide", x, 16, 8, (1, 5)))
    x = w.node("Mul", x, w.node("ReduceMax", x, axes=[2, 3], keepdims=1))
    x = w.node("MaxPool", x, kernel_shape=[2, 3], strides=[2, 2], ceil_mode=1)
    w.output("y", w.node("LogSoftmax", x, axis=1), [2, 8, 5, 5])
    return w


def unet(name, size, channels, classes):
    """An encoder and a decoder with skips; upsampling by ConvTranspose and by Resize in turn."""
    w = Writer(name, 13)
    gain = 0.85                 # max pooling keeps the large values, so at gain 1 they would grow with the depth
    x = w.input("x", picture(name, 1, 3, size, size))
    before, skips = 3, []
    for level, width in enumerate(channels):
        if level:
            skips.append((x, before))
            x = w.node("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
        x = conv_bn(w, f"down{level}.0", x, before, width, 3, gain=gain)
        x = conv_bn(w, f"down{level}.1", x, width, width, 3, gain=gain)
        before = width
    for level, (skip, width) in enumerate(reversed(skips)):
        w.scope.append(f"up{level}")
        if level % 2 == 0:
            kernel = w.normal("weight", (before, width, 2, 2), np.sqrt(2 / before))
            x = w.node("ConvTranspose", x, kernel, w.normal("bias", (width,), 0.1), kernel_shape=[2, 2], strides=[2, 2])
        else:
            x = w.node("Resize", x, "", w.constant([1, 1, 2, 2]), mode="nearest", nearest_mode="floor",
                       coordinate_transformation_mode="asymmetric")
            x = convolution(w, "reduce", x, before, width, 3)
        x = batch_norm(w, "bn", x, width, gain)
        x = w.node("Concat", skip, x, axis=1)
        x = conv_bn(w, "0", x, 2 * width, width, 3, gain=gain)
        x = conv_bn(w, "1", x, width, width, 3, gain=gain)
        w.scope.pop()
        before = width
    x = convolution(w, "head", x, before, classes, 1)
    w.output("y", w.node("Sigmoid", x), [1, classes, size, size])
    return w
