#!/usr/bin/python3
"""Runs the ONNX project's operator tests (Debian's libonnx-testdata) through `systole run --check --check-hazards`.

A model that is refused because a shape, an axis or a number of steps is one of its inputs runs again with the inputs that the case
stores beside it. Every model is either compiled and run, with the interpreter's bits, an error against double precision within the format's limit and
no hazard (exit status 0), or refused with place and message (exit status 2). Nothing else may happen, and no fewer may run than
the floor below."""
import argparse
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import onnx

DATA = Path("/usr/share/libonnx-testdata/data")
SETS = ("node", "simple", "pytorch-operator", "pytorch-converted")
FLOOR = 965     # models that ran when this was written; more is welcome


def stored_inputs(model):
    """--input NAME=FILE for each input that the case stores, in the model's order."""
    graph = onnx.load(str(model), load_external_data=False).graph
    weights = {tensor.name for tensor in graph.initializer}
    names = [value.name for value in graph.input if value.name not in weights]
    flags = []
    for i, name in enumerate(names):
        file = model.parent / "test_data_set_0" / f"input_{i}.pb"
        if name and file.exists():
            flags += ["--input", f"{name}={file}"]
    return flags


def run(systole, chip, model, folder):
    command = [systole, "run", model, "--chip", chip, "--check", "--check-hazards", "--no-cache", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    if done.returncode == 2 and "depends on the data" in done.stderr:
        done = subprocess.run(command + stored_inputs(model), capture_output=True, text=True, cwd=folder)
    problem = ""
    if done.returncode not in (0, 2):
        problem = f"exit status {done.returncode}"
    elif done.returncode == 2 and not done.stderr.startswith("systole: "):
        problem = "refused without a message"
    return done.returncode, problem and f"{model.parent.name}: {problem}: {done.stderr.strip()} {done.stdout[-300:]}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--systole", required=True, type=Path)
    parser.add_argument("--chip", default="tpu-v4")
    options = parser.parse_args()
    models = [model for name in SETS for model in sorted((DATA / name).glob("*/model.onnx"))]
    if not models:
        sys.exit(f"no models under {DATA}: install libonnx-testdata")
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda model: run(options.systole.resolve(), options.chip, model, folder), models))
    ran = sum(status == 0 for status, _ in results)
    problems = [problem for _, problem in results if problem]
    print(f"{len(models)} models: {ran} ran and passed, {sum(status == 2 for status, _ in results)} refused, {len(problems)} wrong")
    for problem in problems:
        print(problem)
    if ran < FLOOR:
        print(f"fewer than {FLOOR} ran")
    return 1 if problems or ran < FLOOR else 0


if __name__ == "__main__":
    sys.exit(main())
