#!/usr/bin/python3
"""Do the agreement tests see a fault in one engine? Plants faults, one at a time, and runs the comparisons of engines on each: event against
register (tests/machine: random programs, random compiled graphs) and all three (`systole rtl-check`).

A mutant is one small change to one engine's source, the others as they are: a rounding, a latency, a bound, a token, an order (sites.py says where).
It is killed if the comparison reports a mismatch or the program fails; it survives if everything still agrees; one that does not compile is not counted
and another is drawn. Works on a copy of the tree at HEAD, in build/FOLDER. Hardware with a fault is compiled without optimisation. A machine that stands
still is a mismatch of rtl-check after a number of cycles; a test of tests/machine that does not come back is stopped.

Prints a table per engine and writes every mutant with its fate to build/FOLDER/report.json. Survivors are listed with their line, to
be shown equivalent (docs/mutation.md). Exit status: 0 at least 95 % killed, 1 fewer, 2 could not run.
"""
import argparse
import json
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

from sites import Mutant, candidates

ROOT = Path(__file__).resolve().parents[2]
WORK = TREE = BUILD = None   # set from --folder
GOAL = 0.95
# Seconds of processor time, so that other work on the machine stops nothing.
HANGS_AFTER = 60            # a test that takes this long stands still (a sound run takes one to six)
CHECK_HANGS_AFTER = 600     # rtl-check, which may draw programs for ever if the event engine never gives a time in its range
ASLEEP = 20                 # times as long on the clock: it waits for what never comes

# Chips of rtl-check, in order: small ones first. On the last one, of several cores, the RTL is not compared.
CHIPS = "systolic-2-q88,systolic-4,tests/mutation/odd.yaml,tests/mutation/pair.yaml"
NO_RTL = {"pair"}


def run(command, seconds=None):
    """Exit status and output; 124 if it had to be stopped, after `seconds` of processor time for each of its processes."""
    def limit():
        if seconds is not None:
            resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True, preexec_fn=limit)
    try:
        output, _ = process.communicate(timeout=None if seconds is None else ASLEEP * seconds)
        if process.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
            return 124, f"failed: stands still for {seconds} s"
        return process.returncode, output
    except subprocess.TimeoutExpired:
        subprocess.run(["pkill", "-KILL", "-s", str(process.pid)], check=False)
        process.kill()
        process.communicate()
        return 124, f"failed: asleep for {ASLEEP * seconds} s"


# Event against register on random programs and random compiled graphs; event against the clock by clock simulator of tests/machine and against
# definitions of its values.
TESTS = {
    "register": ["register_test", "register_compiled_test"],
    "values": ["event_values_test", "register_test", "register_compiled_test"],
    "event": ["register_test", "event_values_test", "register_compiled_test", "event_time_test"],
}
VERILATE = ("verilator --cc --exe --build --top-module systole -Wall -O3 -fno-const-bit-op-tree --unroll-count 4096 --unroll-stmts 100000 --compiler clang --Mdir obj "
            "-f files.f testbench.cpp -MAKEFLAGS 'CXX=clang++-16 LINK=clang++-16 OBJCACHE=ccache OPT_FAST=-O0 OPT_SLOW=-O0 OPT_GLOBAL=-O0'")


def build(*targets):
    return run(["ninja", "-C", str(BUILD), *targets])


def chips(args):
    """Name and what --chip takes, of each."""
    return [(Path(chip).stem, str(TREE / chip) if "/" in chip else chip) for chip in args.chips.split(",")]


def rtl_check(chip, cache, programs, seed):
    return [str(BUILD / "systole"), "rtl-check", "--chip", chip, "--programs", str(programs), "--seed", str(seed), "--cache", str(cache), "--stop-at-mismatch",
            "--json", "--quiet"]


def verdict(command, seconds):
    """None, or what the comparison found."""
    status, output = run(command, seconds)
    if status == 0:
        return None
    reason = [line for line in output.splitlines() if "Failure" in line or "seed " in line or "failed" in line] or [f"status {status}"]
    return f"{Path(command[0]).name}: {reason[0].strip()[:160]}"


def steps_of(args, engine):
    """Comparisons of a C++ engine, the quick ones first: what to build, the command, its seconds."""
    for test in TESTS[engine]:
        yield f"tests/machine/{test}", [str(BUILD / "tests/machine" / test), "--gtest_brief=1", "--gtest_fail_fast"], HANGS_AFTER
    for programs, seed in args.rounds:
        for _, chip in chips(args):
            yield "systole", rtl_check(chip, WORK / "sound", programs, seed), CHECK_HANGS_AFTER


def compare_programs(args, engine):
    """C++ engines: builds what is needed and compares until one comparison finds a difference."""
    for target, command, seconds in steps_of(args, engine):
        status, output = build(target)
        if status != 0:
            return "invalid", output[-300:]
        found = verdict(command, seconds)
        if found:
            return "killed", found
    return "survived", ""


def plant(name, file, text):
    """A built model of the chip with the text for that source."""
    sound = next((WORK / "sound").glob(f"{name}-*"))
    folder = WORK / "planted" / sound.name
    if not folder.exists():
        shutil.copytree(sound, folder)
    shutil.copy(sound / file, folder / file)
    if text is not None:
        (folder / file).write_text(text)
    return run(["sh", "-c", f"cd '{folder}' && {VERILATE}"], CHECK_HANGS_AFTER)


def compare_hardware(args, file, text):
    """The planted file goes into a copy of each chip's built model; the program itself is the sound one."""
    with_rtl = [(name, chip) for name, chip in chips(args) if name not in NO_RTL]
    if file == "float_sum.sv":
        with_rtl.sort(key=lambda chip: chip[0].endswith("q88"))   # it has no floats in its array
    for programs, seed in args.rounds:
        for name, chip in with_rtl:
            status, output = plant(name, file, text)
            try:
                if status != 0:
                    return "invalid", output[-300:]
                found = verdict(rtl_check(chip, WORK / "planted", programs, seed), CHECK_HANGS_AFTER)
                if found:
                    return "killed", found
            finally:
                shutil.copy(next((WORK / "sound").glob(f"{name}-*")) / file, WORK / "planted" / next((WORK / "sound").glob(f"{name}-*")).name / file)
    return compare_lane(file, text)


def compare_lane(file, text):
    """tests/rtl/vpu_unit_test: the vector unit's lane against the definitions that both C++ engines use, at the ends of every range."""
    path = TREE / "src/rtl/sv" / file
    original = path.read_text()
    path.write_text(text)
    try:
        status, output = build("tests/rtl/vpu_unit_test")
        found = output[-300:] if status != 0 else verdict([str(BUILD / "tests/rtl/vpu_unit_test"), "--gtest_brief=1"], CHECK_HANGS_AFTER)
        return ("killed", found) if found else ("survived", "")
    finally:
        path.write_text(original)


def prepare():
    shutil.rmtree(TREE, ignore_errors=True)
    TREE.mkdir(parents=True)
    archive = subprocess.Popen(["git", "-C", str(ROOT), "archive", "HEAD"], stdout=subprocess.PIPE)
    subprocess.run(["tar", "-x", "-C", str(TREE)], stdin=archive.stdout, check=True)
    subprocess.run(["cmake", "--preset", "release", "-S", str(TREE), "-B", str(BUILD)], check=True, cwd=TREE, stdout=subprocess.DEVNULL)


def judge(mutant, args):
    path = TREE / mutant.file
    original = path.read_text()
    lines = original.splitlines(keepends=True)
    lines[mutant.line] = mutant.after + "\n"
    if mutant.engine == "rtl":
        mutant.fate, mutant.detail = compare_hardware(args, path.name, "".join(lines))
        return
    path.write_text("".join(lines))
    try:
        mutant.fate, mutant.detail = compare_programs(args, mutant.engine)
    finally:
        path.write_text(original)


def check_sound(args):
    """Without a mutant nothing differs: the C++ engines, then each chip's model as the mutants are built. Builds the sound models, too."""
    fate, detail = compare_programs(args, "event")
    for name, chip in chips(args):
        if fate != "survived" or name in NO_RTL:
            continue
        status, detail = plant(name, "vpu.sv", None)
        detail = detail if status != 0 else verdict(rtl_check(chip, WORK / "planted", args.programs, args.seed), CHECK_HANGS_AFTER)
        fate = "differs" if detail else fate
    if fate != "survived":
        print(f"systole: the engines disagree without a mutant: {detail}", file=sys.stderr)
        sys.exit(2)


def judge_again(args, mutants):
    """What survived before the comparisons were widened; a line that is no longer there as it was is left as it stands."""
    for m in mutants:
        if m.fate != "survived":
            continue
        lines = (TREE / m.file).read_text().splitlines()
        places = [number for number, text in enumerate(lines) if text == m.before]
        if len(places) != 1 and m.line not in places:
            m.detail = "the line is not there any more"
            continue
        m.line = m.line if m.line in places else places[0]
        judge(m, args)
        print(f"{m.engine}: {m.fate}: {m.file}:{m.line + 1}: {m.after.strip()[:110]}", file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutants", type=int, default=150, help="how many, in equal shares of the engines")
    parser.add_argument("--engines", default="event,register,rtl", help="also: values, the files of the event engine that cut values for the host's speed")
    parser.add_argument("--chips", default=CHIPS, help="chips of rtl-check, in order: names or files of the tree")
    parser.add_argument("--folder", default="mutants", help="of the build folder; two runs at a time need two")
    parser.add_argument("--programs", type=int, default=40, help="random programs a chip")
    parser.add_argument("--more", type=int, default=120, help="random programs a chip for what survives those; 0: none")
    parser.add_argument("--seed", type=int, default=1, help="of the choice of mutants and of the programs")
    parser.add_argument("--keep", action="store_true", help="go on with the copy that is there, and with the mutants of its report.json, of the same seed")
    parser.add_argument("--again", action="store_true", help="with --keep: judge the survivors of report.json again")
    args = parser.parse_args()
    args.rounds = [(args.programs, args.seed)] + ([(args.more, args.seed + args.programs)] if args.more > 0 else [])
    global WORK, TREE, BUILD
    WORK = ROOT / "build" / args.folder
    TREE, BUILD = WORK / "tree", WORK / "build"
    if not args.keep or not BUILD.exists():
        prepare()
    report = WORK / "report.json"
    chosen = [Mutant(**m) for m in json.loads(report.read_text())] if args.keep and report.exists() else []
    judged = {(m.file, m.line, m.after) for m in chosen}
    if not chosen:
        check_sound(args)
    if args.again:
        judge_again(args, chosen)
        report.write_text(json.dumps([asdict(m) for m in chosen], indent=1) + "\n")
    engines = args.engines.split(",")
    began = time.monotonic()
    for engine in engines:
        pool = candidates(engine, TREE)
        random.Random(f"{args.seed} {engine}").shuffle(pool)
        wanted = args.mutants // len(engines) - sum(m.engine == engine for m in chosen)
        for mutant in pool:
            if wanted == 0:
                break
            if (mutant.file, mutant.line, mutant.after) in judged:
                continue
            judge(mutant, args)
            if mutant.fate != "invalid":
                wanted -= 1
                chosen.append(mutant)
                print(f"{time.monotonic() - began:6.0f} s  {engine} {len(chosen)}: {mutant.fate}: {mutant.file}:{mutant.line + 1}: "
                      f"{mutant.after.strip()[:110]}", file=sys.stderr, flush=True)
            report.write_text(json.dumps([asdict(m) for m in chosen], indent=1) + "\n")
    print("| engine | mutants | killed | survived |\n|---|---|---|---|")
    for engine in engines:
        of = [m for m in chosen if m.engine == engine]
        killed = sum(m.fate == "killed" for m in of)
        print(f"| {engine} | {len(of)} | {killed} | {len(of) - killed} |")
    for m in chosen:
        if m.fate == "survived":
            print(f"survived: {m.file}:{m.line + 1} ({m.kind})\n  - {m.before.strip()}\n  + {m.after.strip()}")
    killed = sum(m.fate == "killed" for m in chosen)
    return 0 if chosen and killed >= GOAL * len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
