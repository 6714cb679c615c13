#!/usr/bin/python3
"""Reads the text of a picture with PP-OCR's three networks, compiled for a TPU v4 and run on its simulator.

Exit status: 0 the text is, letter for letter, what was drawn and what ONNX Runtime reads, and every check held; 1 not; 2 could not run.
Debian's own interpreter, because Debian's packages bring NumPy and Pillow.
"""
import argparse
import json
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

import executors
import picture
import reading
from executors import CHIP, ROOT, ExecutorError, Remembering

FORMATS = ("bf16", "fp32")
LIMITS = {"bf16": 5e-2, "fp32": 1e-4}      # of max|y - ref| / max|ref|
# The detector ends in a sigmoid of values from about -130 to 90, which rounding its operands to bf16 shifts by 2 % of the largest, on any
# hardware and in ONNX Runtime too: at the rim of a letter, where they cross zero, that is a large step in probability. So in bf16 the values
# before the sigmoid are held to the limit, and the map after it to its use, the boxes; its error is printed.
JUDGED_BY_USE = {("detector", "bf16"): "boxes"}
LOGITS = "logits"                          # the detector without its last operator
BOX_TOLERANCE = 2                          # pixels a side


def relative_error(y, reference):
    return float(np.abs(y - reference).max() / np.abs(reference).max())


def judge_reading(name, found, drawn, failures):
    """The text and directions against what was drawn."""
    if [line.text for line in found] != [line.text for line in drawn]:
        failures.append(f"{name} reads {[line.text for line in found]}, drawn were {[line.text for line in drawn]}")
    elif [line.upside_down for line in found] != [line.upside_down for line in drawn]:
        failures.append(f"{name} takes the wrong lines for upside down")


def judge_boxes(name, found, reference, failures):
    """The boxes against ONNX Runtime's."""
    if len(found) != len(reference):
        failures.append(f"{name} finds {len(found)} lines, ONNX Runtime {len(reference)}")
        return
    apart = max(abs(a - b) for line, other in zip(found, reference) for a, b in zip(line.box, other.box))
    if apart > BOX_TOLERANCE:
        failures.append(f"{name}: a box is {apart} pixels off ONNX Runtime's")


def judge_runs(fmt, chip, oracle, failures):
    """Each run against ONNX Runtime on the same input, and the report's own check: one row of figures per run."""
    rows = []
    for (model, _), (x, (y, report)) in chip.runs.items():
        error = relative_error(y, oracle.run(model, x))
        output = report["outputs"][0]
        judged = (model, fmt) not in JUDGED_BY_USE
        if not output["same_bits"] or (judged and not output["check_passed"]):
            failures.append(f"{model} {fmt}: --check failed, relative error {output['max_rel_error']:.2g}")
        if judged and not error <= LIMITS[fmt]:
            failures.append(f"{model} {fmt}: {error:.2g} from ONNX Runtime, limit {LIMITS[fmt]:.0e}")
        rows.append({"model": model, "input": list(x.shape), "format": fmt, "error_onnxruntime": error, "error_double": output["max_rel_error"],
                     "judged": judged, "same_bits": output["same_bits"], "cycles": report["cycles"], "seconds": report["seconds"],
                     "macs": report["macs"], "mxu_utilization": report["mxu_utilization"], "bytes": report["bytes"]})
    return rows


def print_reading(found):
    print(f"\n{CHIP} reads, in bf16:\n")
    for line in found:
        left, top, right, bottom = line.box
        direction = "upside down" if line.upside_down else "upright"
        print(f"  {line.text:<26} {direction:<12} {line.turn_score:5.3f}   box {left},{top} to {right},{bottom}")


def print_runs(rows):
    print("\nerror: max|y - ref| / max|ref| on the same input, ref from ONNX Runtime, and from the model in double precision")
    print("bits: the engine's equal those of the interpreter with the chip's arithmetic\n")
    print(f"  {'network':<11} {'input':<14} {'format':<7} {'ONNX Rt':>9} {'double':>9} {'limit':>7} {'bits':>6} {'cycles':>9} {'time':>9}"
          f" {'MXU':>6} {'HBM':>9} {'CMEM':>9}")
    for row in rows:
        moved = {name: sum(row["bytes"].get(name, {}).values()) / 1e6 for name in ("hbm", "cmem")}
        limit = JUDGED_BY_USE.get((row["model"], row["format"]), f"{LIMITS[row['format']]:.0e}")
        print(f"  {row['model']:<11} {'x'.join(map(str, row['input'])):<14} {row['format']:<7} {row['error_onnxruntime']:9.1e} {row['error_double']:9.1e}"
              f" {limit:>7} {'same' if row['same_bits'] else 'DIFFER':>6} {row['cycles']:9,} {row['seconds'] * 1e6:6.0f} us"
              f" {row['mxu_utilization'] * 100:4.1f} % {moved['hbm']:6.1f} MB {moved['cmem']:6.1f} MB")
    total = {fmt: sum(row["seconds"] for row in rows if row["format"] == fmt and row["model"] != LOGITS) for fmt in FORMATS}
    print("\n  the whole picture on the chip: " + ", ".join(f"{total[fmt] * 1e6:.0f} us in {fmt}" for fmt in FORMATS))
    print(f"  logits: the detector before its last sigmoid. boxes: its map in bf16 is over 5e-02 at the rims of letters, where the sigmoid is steep;")
    print(f"  judged are the logits and the boxes, within {BOX_TOLERANCE} pixels of ONNX Runtime's")


def main():
    parser = argparse.ArgumentParser(description="Read a picture's text on a simulated TPU v4.")
    parser.add_argument("--systole", type=Path, default=ROOT / "build" / "release" / "systole", help="the program")
    parser.add_argument("--output", type=Path, default=ROOT / "out" / "ocr", help="folder, emptied first")
    options = parser.parse_args()
    begin = time.monotonic()
    out = options.output.resolve()
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    trace = out / "recogniser.trace.json"       # of the widest lines, which run last

    drawn = sorted(picture.LINES, key=lambda line: line.middle)
    image = picture.draw()
    image.save(out / "picture.png")
    alphabet = reading.load_alphabet(executors.ALPHABET)

    def on_chip(fmt):
        def compute(model, x, folder):
            traced = trace if (model, fmt) == (reading.RECOGNISER, FORMATS[0]) else None
            return executors.run_systole(options.systole.resolve(), model, x, fmt, folder, traced)
        return Remembering(f"{CHIP} {fmt}", compute, out / fmt)

    chips = {fmt: on_chip(fmt) for fmt in FORMATS}
    oracle = Remembering("ONNX Runtime", executors.run_onnxruntime, out / "onnxruntime")
    networks = {f"{CHIP} {fmt}": lambda model, x, chip=chip: chip.run(model, x)[0] for fmt, chip in chips.items()}
    networks["ONNX Runtime"] = oracle.run
    print(f"reading {out / 'picture.png'} three times: {', '.join(networks)}", file=sys.stderr)
    with ThreadPoolExecutor() as pool:          # each reads the whole picture by itself
        pending = {name: pool.submit(reading.read_picture, image, network, alphabet) for name, network in networks.items()}
        readings = {name: result.result() for name, result in pending.items()}

    executors.MODELS[LOGITS] = executors.without_last_operator(executors.MODELS[reading.DETECTOR], out / "detector_logits.onnx")
    for (model, _), (x, _) in list(chips[FORMATS[0]].runs.items()):
        if model == reading.DETECTOR:
            chips[FORMATS[0]].run(LOGITS, x)

    failures = []
    for name, found in readings.items():
        judge_reading(name, found, drawn, failures)
        judge_boxes(name, found, readings["ONNX Runtime"], failures)
    rows = [row for fmt, chip in chips.items() for row in judge_runs(fmt, chip, oracle, failures)]

    found = readings[f"{CHIP} {FORMATS[0]}"]
    picture.draw_boxes(image, found).save(out / "boxes.png")
    for fmt, chip in chips.items():
        for (model, _), (x, (_, report)) in chip.runs.items():
            (out / f"{model}-{'x'.join(map(str, x.shape))}-{fmt}.json").write_text(json.dumps(report, indent=1) + "\n")
    summary = {"drawn": [line.text for line in drawn], "readings": {name: [vars(line) for line in lines] for name, lines in readings.items()},
               "runs": rows, "failures": failures}
    (out / "summary.json").write_text(json.dumps(summary, indent=1) + "\n")

    print_reading(found)
    print_runs(rows)
    print(f"\nThe text is what was drawn, in {', '.join(networks)}." if not failures else "\nFAILED:\n  " + "\n  ".join(failures))
    print(f"In {out}: boxes.png, reports (*.json), {trace.name} (open it at ui.perfetto.dev). {time.monotonic() - begin:.0f} s.")
    return 1 if failures else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (ExecutorError, OSError) as error:
        print(f"ocr: {error}", file=sys.stderr)
        sys.exit(2)
