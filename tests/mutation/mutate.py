#!/usr/bin/python3
"""Do the agreement tests see a fault in one engine? Plants faults, one at a time, and runs the comparisons of engines on each: event against
register (tests/machine: random programs, random compiled graphs) and all three (`systole rtl-check`).

A mutant is one small change to one engine's source, the others as they are: a rounding, a latency, a bound, a token, an order. It is
killed if the comparison reports a mismatch or the program fails or hangs; it survives if everything still agrees; one that does not
compile is not counted and another is drawn. Works on a copy of the tree at HEAD, in build/FOLDER. Hardware with a fault is compiled
without optimisation and stops after 2^17 cycles.

Prints a table per engine and writes every mutant with its fate to build/FOLDER/report.json. Survivors are listed with their line, to
be shown equivalent (docs/mutation.md). Exit status: 0 at least 95 % killed, 1 fewer, 2 could not run.
"""
import argparse
import json
import random
import re
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WORK = TREE = BUILD = None   # set from --folder
GOAL = 0.95
HANGS_AFTER = 60            # seconds: a test that takes this long stands still (a sound run takes one to four)
CHECK_HANGS_AFTER = 900     # rtl-check, which may build two models first

# Of each engine the code that decides its cycles, their order and its values. Not values_matrix.cpp and values_vector.cpp: they cut the event engine's
# values into blocks and lanes of the host for speed, where most small changes change nothing but the speed (tests/machine/event_values_* look at them).
ENGINES = {
    "event": ["src/timing/*.cpp", "src/machine/event_core.cpp", "src/machine/event_time.cpp", "src/machine/event_words.cpp",
              "src/machine/values.cpp", "src/machine/values_core.cpp", "src/machine/values_convert.cpp", "src/machine/values_memory.cpp"],
    "register": ["src/machine/register*.cpp"],
    "rtl": ["src/rtl/sv/*.sv"],
}

# (kind, pattern, replacement): each match in a line of code is one possible mutant.
RULES = [
    ("bound", r" < ", " <= "), ("bound", r" <= ", " < "), ("bound", r" > ", " >= "), ("bound", r" >= ", " > "),
    ("condition", r" == ", " != "), ("condition", r" != ", " == "), ("condition", r" && ", " || "), ("condition", r" \|\| ", " && "),
    ("latency", r" \+ 1\b", ""), ("latency", r" - 1\b", ""), ("latency", r" \+ 1\b", " + 2"), ("arithmetic", r" \+ ", " - "),
    ("arithmetic", r" - ", " + "), ("order", r"std::max\b", "std::min"), ("order", r"std::min\b", "std::max"),
    ("constant", r"= 0;", "= 1;"), ("constant", r"= 1;", "= 0;"), ("constant", r"\b1'b1\b", "1'b0"), ("constant", r"\b1'b0\b", "1'b1"),
    ("order", r"\+\+(\w)", r"--\1"), ("rounding", r" >> ", " << "), ("sign", r"\$signed\(", "$unsigned("), ("condition", r"if \(!", "if ("),
    ("statement", r"^(\s+)\w[\w.\[\]>-]* (\+|-|&|\|)?<?= [^;{]*;$", r"\1;"),
]
# Lines that say nothing about what the machine does: declarations of names, checks of user input, messages.
# Parts of the hardware that the host uses before and after a run only (tests/rtl/axi_test.cpp looks at them).
NOT_RUNNING = {"axi_control.sv"}
NOT_CODE = re.compile(r"^\s*(//|#|\*|using |template|return (unsupported|invalid_input)|SYSTOLE_|assert|static_assert|`|parameter|localparam|input|output|"
                      r"for \(genvar)|fmt::format|\"[^\"]*\"|std::string|unsupported\(|invalid_input\(|reserve\(|operator|\bconst auto&|-> ")


@dataclass
class Mutant:
    engine: str
    file: str
    line: int
    kind: str
    before: str
    after: str
    fate: str = ""
    detail: str = ""


def candidates(engine):
    """Every possible mutant of an engine, in order of file and line."""
    found = []
    for pattern in ENGINES[engine]:
        for path in sorted(TREE.glob(pattern)):
            if path.suffix not in (".cpp", ".sv") or path.name in NOT_RUNNING:
                continue
            for number, text in enumerate(path.read_text().splitlines()):
                code = text.split("//")[0].rstrip()
                if not code.strip() or NOT_CODE.search(code):
                    continue
                for kind, what, replacement in RULES:
                    for match in re.finditer(what, code):
                        after = code[:match.start()] + match.expand(replacement) + code[match.end():]
                        found.append(Mutant(engine, str(path.relative_to(TREE)), number, kind, text, after))
    return found


def run(command, seconds=None):
    """Exit status and output; 124 if it had to be stopped."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
    try:
        output, _ = process.communicate(timeout=seconds)
        return process.returncode, output
    except subprocess.TimeoutExpired:
        subprocess.run(["pkill", "-KILL", "-s", str(process.pid)], check=False)
        process.kill()
        process.communicate()
        return 124, "stands still"


# Event against register on random programs and random compiled graphs; event against the clock by clock simulator of tests/machine and against
# definitions of its values.
TESTS = {
    "register": ["register_test", "register_compiled_test"],
    "event": ["register_test", "register_compiled_test", "event_time_test", "event_values_test"],
}
VERILATE = ("verilator --cc --exe --build --top-module systole -Wall -O3 -fno-const-bit-op-tree --unroll-count 4096 --unroll-stmts 100000 --compiler clang --Mdir obj "
            "-f files.f testbench.cpp -MAKEFLAGS 'CXX=clang++-16 LINK=clang++-16 OBJCACHE=ccache OPT_FAST=-O0 OPT_SLOW=-O0 OPT_GLOBAL=-O0'")


def build(*targets):
    return run(["ninja", "-C", str(BUILD), *targets])


def rtl_check(args, chip, cache):
    return [str(BUILD / "systole"), "rtl-check", "--chip", chip, "--programs", str(args.programs), "--seed", str(args.seed), "--cache", str(cache), "--json", "--quiet"]


def verdict(command, seconds):
    """None, or what the comparison found."""
    status, output = run(command, seconds)
    if status == 0:
        return None
    reason = [line for line in output.splitlines() if "Failure" in line or "rtl" in line or "register" in line] or [f"status {status}"]
    return f"{Path(command[0]).name}: {reason[0].strip()[:160]}"


def compare_programs(args, engine):
    """C++ engines: builds what is needed and compares, the quick comparisons first, until one finds a difference."""
    steps = [(f"tests/machine/{test}", [str(BUILD / "tests/machine" / test), "--gtest_brief=1", "--gtest_fail_fast"], HANGS_AFTER) for test in TESTS[engine]]
    steps += [("systole", rtl_check(args, chip, WORK / "sound"), CHECK_HANGS_AFTER) for chip in args.chips.split(",")]
    for target, command, seconds in steps:
        status, output = build(target)
        if status != 0:
            return "invalid", output[-300:]
        found = verdict(command, seconds)
        if found:
            return "killed", found
    return "survived", ""


def compare_hardware(args, file, text):
    """The planted file goes into a copy of each chip's built model; the program itself is the sound one."""
    for chip in args.chips.split(","):
        folder = WORK / "planted" / next((WORK / "sound").glob(f"{chip}-*")).name
        if not folder.exists():
            shutil.copytree(WORK / "sound" / folder.name, folder)
            bench = folder / "testbench.cpp"
            bench.write_text(bench.read_text().replace("now < header_.most_cycles", "now < (1 << 17)"))
        original = (folder / file).read_text()
        (folder / file).write_text(text)
        try:
            status, output = run(["sh", "-c", f"cd '{folder}' && {VERILATE}"])
            if status != 0:
                return "invalid", output[-300:]
            found = verdict(rtl_check(args, chip, WORK / "planted"), HANGS_AFTER)
            if found:
                return "killed", found
        finally:
            (folder / file).write_text(original)
    return "survived", ""


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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutants", type=int, default=150, help="how many, in equal shares of the engines")
    parser.add_argument("--engines", default="event,register,rtl")
    parser.add_argument("--chips", default="systolic-2-q88,systolic-4", help="chips of the comparison, in order")
    parser.add_argument("--folder", default="mutants", help="of the build folder; two runs at a time need two")
    parser.add_argument("--programs", type=int, default=40, help="random programs a chip")
    parser.add_argument("--seed", type=int, default=1, help="of the choice of mutants and of the programs")
    parser.add_argument("--keep", action="store_true", help="go on with the copy that is there")
    args = parser.parse_args()
    global WORK, TREE, BUILD
    WORK = ROOT / "build" / args.folder
    TREE, BUILD = WORK / "tree", WORK / "build"
    if not args.keep or not BUILD.exists():
        prepare()
    fate, detail = compare_programs(args, "event")                  # builds the sound models, too
    if fate != "survived":
        sys.exit(f"systole: the engines disagree without a mutant: {detail}")
    engines = args.engines.split(",")
    chosen = []
    began = time.monotonic()
    for engine in engines:
        pool = candidates(engine)
        random.Random(f"{args.seed} {engine}").shuffle(pool)
        wanted = args.mutants // len(engines)
        for mutant in pool:
            if wanted == 0:
                break
            judge(mutant, args)
            if mutant.fate != "invalid":
                wanted -= 1
                chosen.append(mutant)
                print(f"{time.monotonic() - began:6.0f} s  {engine} {len(chosen)}: {mutant.fate}: {mutant.file}:{mutant.line + 1}: "
                      f"{mutant.after.strip()[:110]}", file=sys.stderr, flush=True)
            WORK.joinpath("report.json").write_text(json.dumps([asdict(m) for m in chosen], indent=1) + "\n")
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
