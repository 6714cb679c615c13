#!/usr/bin/python3
"""Makes the figures of docs/ with systole itself; Chromium takes the picture of a page.

Exit status: 0 made; 2 could not.
"""
import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.sax.saxutils import escape

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
EXAMPLES = ROOT / "examples" / "waves"
COLOURS = {"load": "#2f6fe0", "store": "#7fa9f0", "push": "#14897b", "matmul": "#f0a020", "pad": "#c9a25a", "vector": "#8a3fd0"}
LEFT, ROW, WIDTH = 64, 30, 960      # pixels: of the units' names, of a unit, of the whole picture


def timeline(trace, title):
    """The units of core 0 over the cycles, an instruction a box: SVG text from a Perfetto trace (run --trace)."""
    events = json.loads(trace.read_text())["traceEvents"]
    names = {e["tid"]: e["args"]["name"] for e in events if e["ph"] == "M" and e["name"] == "thread_name" and e["pid"] == 0}
    boxes = [e for e in events if e["ph"] == "X" and e["pid"] == 0 and names[e["tid"]] != "scalar"]
    rows = [tid for tid in sorted(names) if any(e["tid"] == tid for e in boxes)]
    cycles = max(e["args"]["end_cycle"] for e in boxes)
    scale = (WIDTH - LEFT - 16) / cycles
    bottom = 40 + ROW * len(rows)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom + 30}" font-family="sans-serif" font-size="12" fill="#444c5c">',
             f'<rect width="{WIDTH}" height="{bottom + 30}" fill="#fff"/><text x="16" y="22" font-size="14">{escape(title)}</text>']
    step = next(s for s in (10, 20, 50, 100, 200, 500, 1000) if cycles / s <= 16)
    for cycle in range(0, cycles + 1, step):
        x = LEFT + cycle * scale
        parts.append(f'<path d="M{x:.1f} 36V{bottom}" stroke="#dde1e8"/><text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{cycle}</text>')
    for row, tid in enumerate(rows):
        y = 40 + ROW * row
        parts.append(f'<text x="16" y="{y + 17}">{escape(names[tid])}</text>')
        for event in (e for e in boxes if e["tid"] == tid):
            begin, end = event["args"]["start_cycle"], event["args"]["end_cycle"]
            width = max((end - begin) * scale - 0.6, 0.8)
            parts.append(f'<rect x="{LEFT + begin * scale:.1f}" y="{y + 3}" width="{width:.1f}" height="{ROW - 9}" rx="2" '
                         f'fill="{COLOURS.get(event["name"], "#9aa3b2")}"><title>{escape(event["name"])}, cycles {begin} to {end}</title></rect>')
            if width > 7 * len(event["name"]):
                parts.append(f'<text x="{LEFT + begin * scale + width / 2:.1f}" y="{y + 18}" text-anchor="middle" fill="#fff">{escape(event["name"])}</text>')
    return "\n".join(parts) + "\n</svg>\n"


def main():
    parser = argparse.ArgumentParser(description="Makes the figures of docs/.")
    parser.add_argument("--systole", type=Path, default=ROOT / "build" / "release" / "systole", help="the program")
    parser.add_argument("--output", type=Path, default=HERE, help="folder")
    options = parser.parse_args()

    def systole(*arguments):
        subprocess.run([options.systole.resolve(), *arguments, "--quiet"], check=True, stdout=subprocess.DEVNULL)

    options.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        for example in ("product4x4", "two_tiles"):
            systole("waves", EXAMPLES / f"{example}.s", "--svg", scratch / f"{example}.svg")
        systole("waves", EXAMPLES / "two_tiles.s", "--html", scratch / "page.html")
        subprocess.run(["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1400,960", f"--user-data-dir={scratch}/chromium",
                        f"--screenshot={scratch}/front.png", f"file://{scratch}/page.html#cycle=33"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        systole("gemm", "24", "16", "16", "--chip", "systolic-8", "--format", "int8", "--timing-only", "--trace", scratch / "trace.json")
        (scratch / "units.svg").write_text(timeline(scratch / "trace.json", "systole gemm 24 16 16 --chip systolic-8: the units of its core, in cycles"))
        for figure in ("product4x4.svg", "two_tiles.svg", "front.png", "units.svg"):
            shutil.copy(scratch / figure, options.output / figure)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"figures: {error}", file=sys.stderr)
        sys.exit(2)
