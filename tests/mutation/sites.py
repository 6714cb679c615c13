"""Where the faults of mutate.py may be planted: the engines' files, the changes, and the code that is left out.

Left out is what cannot change the bits or the cycles of a legal program, by a rule about the code, not line by line (docs/mutation.md says the same
in words). A rule that also held for code that can change a result would hide faults: each says why it does not.
"""
import re
from dataclasses import dataclass

# Of each engine the code that decides its cycles, their order and its values. values_matrix.cpp and values_vector.cpp stand apart, as "values": they cut
# the event engine's values into blocks and lanes of the host for speed, where many small changes change nothing but the speed, and no rule tells which.
ENGINES = {
    "event": ["src/timing/*.cpp", "src/machine/event_core.cpp", "src/machine/event_time.cpp", "src/machine/event_words.cpp",
              "src/machine/values.cpp", "src/machine/values_core.cpp", "src/machine/values_convert.cpp", "src/machine/values_memory.cpp"],
    "values": ["src/machine/values_matrix.cpp", "src/machine/values_vector.cpp"],
    "register": ["src/machine/register*.cpp", "src/machine/register*-inl.h", "src/machine/register_accumulators.h"],
    "rtl": ["src/rtl/sv/*.sv"],
}

# (kind, pattern, replacement): each match in a line of code is one possible mutant.
CHANGES = [
    ("bound", r" < ", " <= "), ("bound", r" <= ", " < "), ("bound", r" > ", " >= "), ("bound", r" >= ", " > "),
    ("condition", r" == ", " != "), ("condition", r" != ", " == "), ("condition", r" && ", " || "), ("condition", r" \|\| ", " && "),
    ("latency", r" \+ (\d+'s?[bd])?1\b(?!')", ""), ("latency", r" - (\d+'s?[bd])?1\b(?!')", ""), ("latency", r" \+ 1\b(?!')", " + 2"), ("arithmetic", r" \+ ", " - "),
    ("arithmetic", r" - ", " + "), ("order", r"std::max\b", "std::min"), ("order", r"std::min\b", "std::max"),
    ("constant", r"= 0;", "= 1;"), ("constant", r"= 1;", "= 0;"), ("constant", r"\b1'b1\b", "1'b0"), ("constant", r"\b1'b0\b", "1'b1"),
    ("order", r"\+\+(\w)", r"--\1"), ("rounding", r" >> ", " << "), ("condition", r"if \(!", "if ("),
    # A sign matters where it is extended, compared or shifted, not where a sum keeps its width.
    ("sign", r"(?<=\d'\()\$signed\(", "$unsigned("), ("sign", r"(?<=[?:=] )\$signed\((?=\w+\) (<|>|<=|>=|>>>) )", "$unsigned("),
    ("statement", r"^(\s+)\w[\w.\[\]>-]* (\+|-|&|\|)?<?= [^;{]*;$", r"\1;"),
]

# ---- what is left out

# Declarations of names, messages.
NOT_CODE = re.compile(r"^\s*(//|#|\*|using |template|SYSTOLE_|assert|static_assert|`|parameter|localparam|input|output|for \(genvar)"
                      r"|fmt::format|\"[^\"]*\"|std::string|operator|\bconst auto&|-> ")
# Checks of programs, inputs and the host, which legal programs pass: lines that make an error, and the condition that leads to one.
AN_ERROR = re.compile(r"\b(unsupported|invalid_input|impossible|outside)\(|mixed_formats_|matrix\.(active|swapped|pushed)\b")
# Figures that one report alone has (per layer, bytes moved, products counted, words gone through) and traces. No engine's cycles or values depend on them.
A_FIGURE = re.compile(r"\blayers?\b|layer_busy|\bmacs\b|_traffic|\.(read|written)\[|simulated_words|\btrace|\bthreads?\b")
# How much memory of the host something gets: too much changes nothing, too little is a fault of the host's program, which `make sanitizers` looks for.
A_SIZE = re.compile(r"\.(resize|reserve|grow)\(|bit_ceil|\bkSlack\b|\bkApart\b|\bspare_")
# Functions that only do one of these: check, give the host's memory, or show registers to waves and tests.
NOT_RUNNING = {"check", "need_accumulators", "ByteStore::grow", "inside", "aligned", "SystolicArray::SystolicArray", "SystolicArray::staged", "SystolicArray::staged_valid",
               "SystolicArray::top_weight", "grow"}
# What the host uses before and after a run only (tests/rtl/axi_test.cpp looks at it).
NOT_RUNNING_FILES = {"axi_control.sv"}

FUNCTION = re.compile(r"^(?:  )?[A-Za-z_][\w:<>&*, ]*?[ &*]([\w~]+(?:::[\w~]+)?)\([^;]*$|^([\w]+::[\w~]+)\(")
CONSTANT = re.compile(r"^\s+(\w+) = (\d*'[sbdh]+\w+|'0|'1);$")


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


def functions_of(lines):
    """The function that each line of C++ stands in; "" outside of them."""
    names, current = [], ""
    for text in lines:
        found = FUNCTION.match(text)
        if found and not text.strip().startswith(("return", "//", "if", "for", "while", "else", "case")):
            current = found.group(1) or found.group(2)
        names.append(current)
        if text in ("}", "  }"):
            current = ""
    return names


def guards_of_errors(lines):
    """Conditions whose only consequence is an error."""
    found = set()
    for number, text in enumerate(lines):
        if re.match(r"^\s*(\} else )?if \(", text) and number + 1 < len(lines):
            follows = number
            while follows + 1 < len(lines) and lines[follows].count("(") + sum(x.count("(") for x in lines[number:follows]) > \
                    sum(x.count(")") for x in lines[number:follows + 1]):
                follows += 1
            if re.match(r"^\s*(return (unsupported|invalid_input|impossible|outside)\(|return [\w.]+\.error)", lines[follows + 1]):
                found.update(range(number, follows + 1))
    return found


def not_compiled(lines):
    """The loops of register_kernels.cpp for hosts without vector instructions."""
    found, inside = set(), False
    for number, text in enumerate(lines):
        if text.startswith("#if SYSTOLE_PLAIN_LOOPS"):
            inside = True
        elif text.startswith(("#else", "#endif")):
            inside = False
        elif inside:
            found.add(number)
    return found


def traced(lines):
    """Blocks of statements under `if (trace_ != nullptr) {`."""
    found, depth = set(), None
    for number, text in enumerate(lines):
        indent = len(text) - len(text.lstrip())
        if depth is not None:
            if text.strip() == "}" and indent == depth:
                depth = None
            else:
                found.add(number)
        elif re.match(r"^\s*if \(trace_? != nullptr\) \{", text):
            depth = indent
    return found


def overwritten(lines):
    """Constants at the head of an always_comb of which the rest is one `if (enable)`, and that are assigned again, whole and on every way, under it. By the
    module's contract nobody takes its result while `enable` is low. A value that is only sometimes assigned again (a count of zeros) is not among them."""
    found = set()
    for number, text in enumerate(lines):
        if text.strip() != "if (enable) begin":
            continue
        head, above = [], number - 1
        while CONSTANT.match(lines[above]):
            head.append(above)
            above -= 1
        if lines[above].strip() != "always_comb begin":
            continue
        indent = len(text) - len(text.lstrip())
        body = []
        for line in lines[number + 1:]:
            if line.strip() == "end" and len(line) - len(line.lstrip()) == indent:
                break
            body.append(line)
        for at in head:
            name = CONSTANT.match(lines[at]).group(1)
            always = any(re.match(rf"^ {{{indent + 2}}}(else )?(if \(.*\) )?{name} = ", line) for line in body)
            if always and (name == "result" or any(re.match(rf"^ {{{indent + 2}}}{name} = ", line) for line in body)):
                found.add(at)
    return found


def assigns(code, at):
    """Is the `<=` here SystemVerilog's assignment and no comparison?"""
    before = code[:at]
    return before.count("(") == before.count(")") and " = " not in before and code.endswith(";")


def value_of(text):
    """A literal's value, so that 17'sd32767 and 32'd32767 are one; of other text itself."""
    text = text.strip("() ").replace("32'hFFFF8000", "-32'sd32768").replace("$signed(", "")
    literal = re.fullmatch(r"(-?)\d+'s?d(\d+)", text)
    return literal.group(1) + literal.group(2) if literal else text


def same_at_the_bound(code, at):
    """`x > y ? y : x` and `x < y ? x : y`: where x is y, it does not matter which is taken."""
    compared = re.match(r" [<>]=? (\S+?)\)? \? (\S+) : ([^\s;,]+)", code[at:])
    left = re.search(r"(\$signed\()?(\S+?)\)?$", code[:at])
    if not compared or not left:
        return False
    x, y = value_of(left.group(2)), value_of(compared.group(1))
    return value_of(compared.group(2)) == y or {x, y} == {value_of(compared.group(2)), value_of(compared.group(3))}


def enables_of(lines):
    """Wires that are a module's `enable` and nothing else: named where they are declared, assigned, and connected."""
    text = "\n".join(lines)
    return {name for name in re.findall(r"\.enable\((\w+)\)", text) if len(re.findall(rf"\b{name}\b", text)) == 3}


def changes_nothing(code, kind, replacement, hardware, enables):
    """Changes of which the construct says that they leave bits and cycles as they are."""
    # Copies of hardware: a step that is no step, and one copy more, Verilator refuses; one more round of a normalisation finds nothing left to shift.
    if hardware and code.lstrip().startswith("for (") and kind in ("latency", "arithmetic", "bound"):
        return True
    # A unit that works although nobody takes its result.
    if replacement == " || " and (".enable(" in code or (given := re.match(r"\s*assign (\w+) =", code)) and given.group(1) in enables):
        return True
    # For how many clocks a part of the array still has something to do: the host looks at it in vain for longer.
    if re.search(r"live_\S* = feeder_", code) and (replacement == " + 2" or (kind == "latency" and " - 1" in code) or
                                                  (kind == "arithmetic" and replacement == " + ")):
        return True
    # A copy of no bytes.
    if kind == "bound" and "> " in code and re.search(r"^\s*if \([^&|]*\) std::memcpy", code):
        return True
    # The sign of a number whose upper bits are written as zeros.
    return kind == "sign" and re.search(r"\$signed\(\{\d+'d0", code) is not None


def given_anew(lines):
    """First values that the next statement gives anew: by a copy over all of it, or as a loop's variable."""
    found = set()
    for number, text in enumerate(lines):
        if (value := re.match(r"^\s+std::u?int\d+_t (\w+) = 0;$", text)) and f"std::memcpy(&{value.group(1)}, " in lines[number + 1]:
            found.add(number)
        if (variable := re.match(r"^    (\w) = 0;$", text)) and lines[number - 1].strip() == "always_comb begin":
            end = lines.index("  end", number)
            uses = [line for line in lines[number + 1:end] if re.search(rf"\b{variable.group(1)}\b", line)]
            if uses and re.match(rf"^\s+for \({variable.group(1)} = ", uses[0]):
                found.add(number)
    return found


def before_power(lines):
    """`initial` blocks: what the simulation's memories hold until the host clears them."""
    found, inside = set(), False
    for number, text in enumerate(lines):
        inside = inside or text.startswith("  initial begin")
        if inside:
            found.add(number)
        inside = inside and text != "  end"
    return found


def candidates(engine, tree):
    """Every possible mutant of an engine, in order of file and line."""
    found = []
    for pattern in ENGINES[engine]:
        for path in sorted(tree.glob(pattern)):
            if path.name not in NOT_RUNNING_FILES:
                found += candidates_of(engine, path, str(path.relative_to(tree)))
    return found


def candidates_of(engine, path, name):
    lines = path.read_text().splitlines()
    hardware = path.suffix == ".sv"
    functions = [""] * len(lines) if hardware else functions_of(lines)
    enables = enables_of(lines) if hardware else set()
    left_out = given_anew(lines) | (overwritten(lines) | before_power(lines) if hardware else guards_of_errors(lines) | not_compiled(lines) | traced(lines))
    found = []
    for number, text in enumerate(lines):
        code = text.split("//")[0].rstrip()
        if not code.strip() or number in left_out or functions[number] in NOT_RUNNING or NOT_CODE.search(code):
            continue
        if not hardware and (AN_ERROR.search(code) or A_FIGURE.search(code) or A_SIZE.search(code)):
            continue
        for kind, what, replacement in CHANGES:
            if changes_nothing(code, kind, replacement, hardware, enables):
                continue
            for match in re.finditer(what, code):
                if kind == "bound" and ((hardware and what == r" <= " and assigns(code, match.start())) or same_at_the_bound(code, match.start())):
                    continue
                after = code[:match.start()] + match.expand(replacement) + code[match.end():]
                found.append(Mutant(engine, name, number, kind, text, after))
    return found
