#!/usr/bin/python3
"""Runs the models of models/build.py on simulated chips, and compares with ONNX Runtime on the same input.

Asked of every run: the engine's bits are the interpreter's, the error against the model in double precision and against
ONNX Runtime is within the format's limit, each output has the shape and type that ONNX Runtime gives, and the
multiply-accumulates are those of the formula. Asked of every model: two builds give the same bytes. Exit status: 0 all held, 1 not, 2 could not run."""
import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx

ROOT = Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "models"))
import build
import count

ORACLE = ROOT / "tests" / "oracle"
PYTORCH = ROOT / "models" / "pytorch"
LIMITS = {"fp32": 1e-4, "bf16": 5e-2}     # of max|y - reference| / max|reference|
TINY_RUNS = (("tpu-v4", "fp32"), ("tpu-v4", "bf16"), ("systolic-8", "fp32"), ("systolic-8", "bf16"),
             ("systolic-16", "bf16"), ("systolic-32", "bf16"))
LARGE_RUNS = (("tpu-v4", "bf16"), ("tpu-v4", "fp32"))


# Products with the zero initial state, which folding removes: 2 sequences, the LSTM's 4 gates and the GRU's 2 ahead of its
# reset, 16 x 16 weights.
FOLDED_MACS = {"recurrent_tiny": 2 * (4 + 2) * 16 * 16}

# pytorch/conv_attention, from export.py: convolutions on 12 x 16, then 48 positions of width 32, 2 pictures. onnx's shape
# inference does not see through the exporter's computed shapes.
CONV_ATTENTION_MACS = 2 * (192 * (16 * 27 + 16 * 25 + 32 * 144) + 48 * 32 * (96 + 32 + 2 * 64) + 2 * 48 * 48 * 32 + 32 * 10)


class CannotRun(Exception):
    pass


@dataclass
class Case:
    """A model on disk. inputs: file of each; outputs: names in the file's order; known: other references per output."""
    name: str
    file: Path
    inputs: dict
    outputs: list
    runs: tuple
    known: dict
    macs: int                  # by formula


def case_of(name, file, runs, macs=0):
    """macs: if left out, counted from the file."""
    model = onnx.load(str(file), load_external_data=False)
    inputs = {value.name: file.with_name(f"{file.stem}.{value.name}.npy") for value in model.graph.input}
    if not macs:
        macs = count.macs(model, {key: np.load(sample) for key, sample in inputs.items()}) - FOLDED_MACS.get(name, 0)
    return Case(name, file, inputs, [value.name for value in model.graph.output], runs, {}, macs)


def call(command, expected=(0,)):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode not in expected:
        raise CannotRun(f"exit status {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def onnx_runtime(case, folder):
    """{output: array}"""
    call(["node", ORACLE / "run.js", case.file, folder, *(f"{name}={file}" for name, file in case.inputs.items())])
    return {name: np.load(folder / f"{i}.npy") for i, name in enumerate(case.outputs)}


def systole(program, case, chip, fmt, folder):
    """({output: array}, the report)"""
    command = [program, "run", case.file, "--chip", chip, "--format", fmt, "--output", folder, "--json", "--quiet",
               "--check", "--no-cache"]
    for name, file in case.inputs.items():
        command += ["--input", f"{name}={file}"]
    report = json.loads(call(command, (0, 1)))        # 1: the check failed, and the report says where
    return {name: np.load(folder / f"{name}.npy") for name in case.outputs}, report


def relative_error(y, reference):
    return float(np.abs(y - reference).max() / np.abs(reference).max())


def judge(case, fmt, outputs, report, references):
    """(failures, largest error): each output against each reference, and the report's own check."""
    failures, worst = [], 0.0
    for output in report["outputs"]:
        name = output["name"]
        if not output["same_bits"]:
            failures.append(f"{name}: not the interpreter's bits")
        if not output["check_passed"]:
            failures.append(f"{name}: {output['max_rel_error']:.2g} from double precision")
        for source, values in references.items():
            y, reference = outputs[name], values[name]
            if y.shape != reference.shape or y.dtype != reference.dtype:
                failures.append(f"{name}: {y.dtype}{list(y.shape)}, {source} has {reference.dtype}{list(reference.shape)}")
                continue
            error = relative_error(y, reference)
            worst = max(worst, error)
            if not error <= LIMITS[fmt]:
                failures.append(f"{name}: {error:.2g} from {source}, limit {LIMITS[fmt]:.0e}")
    if sorted(output["name"] for output in report["outputs"]) != sorted(case.outputs):
        failures.append("the report lists other outputs than the model")
    if report["macs"] != case.macs:
        failures.append(f"{report['macs']:,} MACs, by formula {case.macs:,}")
    return failures, worst


def run_case(program, case):
    """[(line of the table, failures)] for the case's runs."""
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        references = {"ONNX Runtime": onnx_runtime(case, Path(scratch) / "reference")}
        for source, values in case.known.items():
            references[source] = values
            for name, value in values.items():        # the two references are independent of each other
                apart = relative_error(references["ONNX Runtime"][name], value)
                if apart > 1e-5:
                    rows.append((f"{case.name}: {source} and ONNX Runtime", [f"{name}: {apart:.2g} apart"]))
        for chip, fmt in case.runs:
            label = f"{case.name:22} {chip:11} {fmt:5}"
            begin = time.monotonic()
            try:
                outputs, report = systole(program, case, chip, fmt, Path(scratch) / f"{chip}-{fmt}")
            except CannotRun as error:
                rows.append((label, [str(error)]))
                continue
            failures, worst = judge(case, fmt, outputs, report, references)
            rows.append((f"{label} {worst:9.1e} {max(output['max_rel_error'] for output in report['outputs']):9.1e} {report['macs']:15,}"
                         f" {report['cycles']:12,} {report['seconds'] * 1e6:10.1f} us {report['mxu_utilization']:7.2%}"
                         f" {time.monotonic() - begin:6.1f} s", failures))
    return rows


def digests(folder, model):
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.glob(f"{model.name}.*")}


def build_models(models, folder):
    """(cases, names whose second build gave other bytes); only tiny models are built twice."""
    cases, changing = [], []
    for model in models:
        build.build(model, folder)
        if not model.large:
            with tempfile.TemporaryDirectory() as again:
                build.build(model, Path(again))
                if digests(Path(again), model) != digests(folder, model):
                    changing.append(model.name)
        cases.append(case_of(model.name, folder / f"{model.name}.onnx", LARGE_RUNS if model.large else TINY_RUNS))
    return cases, changing


def pytorch_case():
    """The committed export of models/pytorch, with PyTorch's own output as a second reference."""
    file = PYTORCH / "conv_attention.onnx"
    case = case_of("pytorch/conv_attention", file, TINY_RUNS, CONV_ATTENTION_MACS)
    case.known["PyTorch"] = {name: np.load(file.with_name(f"{file.stem}.{name}.npy")) for name in case.outputs}
    return case


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--systole", type=Path, default=ROOT / "build" / "release" / "systole", help="the program")
    parser.add_argument("--models", type=Path, default=build.OUTPUT, metavar="DIR", help="where the models are built")
    parser.add_argument("--large", action="store_true", help="the real sizes too (minutes, and a gigabyte of memory or more)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these models, of whatever size")
    options = parser.parse_args()
    known = {model.name for model in build.MODELS}
    if set(options.names) - known:
        parser.error(f"no model {sorted(set(options.names) - known)[0]}; there are {', '.join(sorted(known))}")
    if not (ORACLE / "node_modules").is_dir():
        raise CannotRun("ONNX Runtime is not installed: run tools/install_npm.sh")

    models = [m for m in build.MODELS if (m.name in options.names if options.names else options.large or not m.large)]
    cases, changing = build_models(models, options.models)
    cases += [] if options.names else [pytorch_case()]
    # Large models one at a time, for their memory.
    jobs = 1 if any(case.runs is LARGE_RUNS for case in cases) else options.jobs
    print(f"{'model':22} {'chip':11} format ONNX Rt.    double            MACs       cycles          time     MXU   host")
    for name in changing:
        print(f"{name}\n    FAILED a second build gives other bytes")
    failed = len(changing)
    with ThreadPoolExecutor(jobs) as pool:
        for rows in pool.map(lambda case: run_case(options.systole, case), cases):
            for line, failures in rows:
                print(line, flush=True)
                for failure in failures:
                    print(f"    FAILED {failure}", flush=True)
                failed += bool(failures)
    print(f"{failed} failed" if failed else "every run is right")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (CannotRun, OSError) as error:
        print(f"run_models: {error}", file=sys.stderr)
        sys.exit(2)
