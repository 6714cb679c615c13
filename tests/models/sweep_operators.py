#!/usr/bin/python3
"""Runs the ONNX project's operator tests (Debian's libonnx-testdata) through `systole run --check --check-hazards`.

Every model is either compiled and run, with the interpreter's bits, an error against double precision within the format's limit and
no hazard (exit status 0), or refused with place and message (exit status 2). Nothing else may happen, and no fewer may run than
the floor below."""
import argparse
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

DATA = Path("/usr/share/libonnx-testdata/data")
SETS = ("node", "simple", "pytorch-operator", "pytorch-converted")
FLOOR = 780     # models that ran when this was written; more is welcome


def run(systole, chip, model, folder):
    done = subprocess.run([systole, "run", model, "--chip", chip, "--check", "--check-hazards", "--no-cache", "--quiet"],
                          capture_output=True, text=True, cwd=folder)
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
