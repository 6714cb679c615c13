#!/usr/bin/python3
"""figures_test.py SYSTOLE: the drawings in docs/figures are what the program draws now, so that no guide shows another machine."""
import subprocess
import sys
import tempfile
from pathlib import Path

FIGURES = Path(__file__).resolve().parents[2] / "docs" / "figures"


def main():
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-B", FIGURES / "make.py", "--systole", sys.argv[1], "--output", folder], check=True)
        made = {path.name: path for path in Path(folder).iterdir()}
        kept = {path.name for path in FIGURES.iterdir() if path.suffix in (".svg", ".png")}
        assert made.keys() == kept, (sorted(made), sorted(kept))
        # A page's picture depends on the browser and its typefaces.
        stale = [name for name in kept if name.endswith(".svg") and made[name].read_bytes() != (FIGURES / name).read_bytes()]
        assert not stale, f"make figures: {stale}"
    return 0


if __name__ == "__main__":
    sys.exit(main())
