#!/usr/bin/python3
"""readme_test.py SYSTOLE: the commands of README.md and their long options are those that the program has."""
import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).resolve().parents[2] / "README.md"


def main():
    systole = sys.argv[1]
    wrong, seen = [], set()
    for line in README.read_text().splitlines():
        for command, rest in re.findall(r"\$systole (\S+)([^;#]*)", line):
            done = subprocess.run([systole, command, "--help"], capture_output=True, text=True)
            seen.add(command)
            if done.returncode != 0:
                wrong.append(f"{command}: no such command")
            wrong += [f"{command} {option}: no such option" for option in re.findall(r"(?<=\s)--?[a-z][\w-]*", rest)
                      if not re.search(rf"(?<![\w-]){option}(?![\w-])", done.stdout)]
    if not seen:
        wrong.append("README.md shows no command")
    print("\n".join(wrong) or f"{len(seen)} commands as the program has them")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
