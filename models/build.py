#!/usr/bin/python3
"""Builds the models: `models/build.py [--output DIR] [NAME...]` writes DIR/NAME.onnx, a sample of each input,
DIR/NAME.INPUT.npy, and DIR/NAME.json with shapes, parameters and multiply-accumulates (default build/models, all models). Weights come from a seed: speed and error are those of the real
architecture, predictions mean nothing. The same call writes the same bytes."""
import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

sys.dont_write_bytecode = True      # the source tree stays as it is
import language
import vision

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = ROOT / "build" / "models"


@dataclass(frozen=True)
class Model:
    name: str
    make: Callable
    arguments: dict
    parameters: int = 0         # published count, where there is one: the model must have as many
    macs: int = 0               # the same for multiply-accumulates of one run
    data_file: str = ""         # weights in a file of their own
    large: bool = False


def tiny(name, make, **arguments):
    return Model(name, make, arguments)


GPT2 = dict(weights="gpt2", opset=17, layers=12, heads=12, size=64, vocabulary=50257, context=1024)
GPT2_TOKEN = 12 * 12 * 768 ** 2 + 768 * 50257         # MACs of a token's products with weights
GPT2_FILE = dict(parameters=124_439_808, data_file="gpt2.data", large=True)
GPT_TINY = dict(weights="gpt_tiny", opset=17, layers=2, heads=2, size=16, vocabulary=61, context=32)
MOBILENET_V2 = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))

MODELS = (
    tiny("mlp_tiny", vision.mlp, widths=(20, 32, 10), batch=3),
    tiny("resnet_tiny", vision.resnet, size=32, stem=8, blocks=(1, 1), classes=10),
    tiny("mobilenet_tiny", vision.mobilenet_v2, size=32, stem=8, stages=((1, 8, 1, 1), (4, 12, 2, 2)), last=32, classes=10),
    tiny("depthwise_tiny", vision.depthwise_tiny),
    tiny("windows_tiny", vision.windows_tiny),
    tiny("unet_tiny", vision.unet, size=16, channels=(4, 8, 12), classes=2),
    tiny("transformer_tiny", language.bert, opset=13, layers=2, width=32, heads=2, length=16, vocabulary=50),
    tiny("layernorm_tiny", language.bert, opset=17, layers=1, width=24, heads=3, length=9, vocabulary=30),
    tiny("gpt_tiny", language.gpt2, length=12, **GPT_TINY),
    tiny("gpt_tiny_cached", language.gpt2_cached, past=11, **GPT_TINY),
    tiny("recurrent_tiny", language.recurrent_tiny),
    # Keras and PyTorch tutorials: 320 + 18,496 + 102,464 + 650
    Model("cnn", vision.mnist_cnn, {}, 121_930, 26 * 26 * 32 * 9 + 11 * 11 * 64 * 288 + 1600 * 64 + 64 * 10),
    Model("mlp", vision.mlp, dict(widths=(784, 512, 512, 10), batch=32), 669_706, 32 * (784 * 512 + 512 * 512 + 5120), large=True),
    # torchvision's counts; MACs as its documentation gives them (4.09 and 0.30 G)
    Model("resnet50", vision.resnet, dict(size=224, stem=64, blocks=(3, 4, 6, 3), classes=1000), 25_557_032, 4_089_184_256,
          large=True),
    Model("mobilenetv2", vision.mobilenet_v2, dict(size=224, stem=32, stages=MOBILENET_V2, last=1280, classes=1000),
          3_504_872, 300_774_272, large=True),
    Model("unet", vision.unet, dict(size=128, channels=(16, 32, 64, 128), classes=2), large=True),
    Model("bert", language.bert,
          dict(opset=13, layers=4, width=256, heads=4, length=128, vocabulary=30522), large=True),
    # GPT-2's smallest, "117M" in its release; 124,439,808 in its checkpoint
    Model("gpt2", language.gpt2, dict(length=64, **GPT2), macs=64 * GPT2_TOKEN + 12 * 2 * 64 ** 2 * 768, **GPT2_FILE),
    Model("gpt2_kv", language.gpt2_cached, dict(past=63, **GPT2), macs=GPT2_TOKEN + 12 * 2 * 64 * 768, **GPT2_FILE),
)


def build(model, folder):
    """Writes one model; returns its manifest."""
    writer = model.make(model.name, **model.arguments)
    folder.mkdir(parents=True, exist_ok=True)
    manifest = writer.save(folder, model.data_file or None)
    for figure, published in (("parameters", model.parameters), ("macs", model.macs)):
        if published and manifest[figure] != published:
            raise ValueError(f"{model.name}: {manifest[figure]:,} {figure}, published {published:,}")
    return manifest


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=OUTPUT, metavar="DIR")
    parser.add_argument("--tiny", action="store_true", help="the small models only")
    parser.add_argument("names", nargs="*", metavar="NAME", help="; ".join(model.name for model in MODELS))
    options = parser.parse_args()
    unknown = set(options.names) - {model.name for model in MODELS}
    if unknown:
        parser.error(f"no model {sorted(unknown)[0]}; there are {', '.join(model.name for model in MODELS)}")
    for model in MODELS:
        if (not options.names or model.name in options.names) and not (options.tiny and model.large):
            manifest = build(model, options.output)
            print(f"{model.name:16} {manifest['parameters']:12,} parameters {manifest['macs']:14,} MACs", file=sys.stderr)


if __name__ == "__main__":
    main()
