#!/usr/bin/python3
"""The pages and animations in headless Chromium: what they show in each cycle is what the value change dump of the same run says.

usage: pulse_test.py SYSTOLE FOLDER     (screenshots stay in FOLDER)
"""
import html
import json
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from dump import PRODUCT, Dump

SYSTOLE, FOLDER = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()


def chromium(*arguments, milliseconds=300):
    """Runs it for so long of its own time, which passes faster than ours."""
    with tempfile.TemporaryDirectory(dir=FOLDER, ignore_cleanup_errors=True) as profile:         # of its own: the process before may still be going
        return run_chromium(profile, arguments, milliseconds)


def run_chromium(profile, arguments, milliseconds):
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-sync", "--disable-background-networking",
               "--disable-component-update", f"--user-data-dir={profile}", f"--virtual-time-budget={milliseconds}", *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, timeout=300, text=True).stdout


# Around a test's script: snap() records what the picture shows.
RECORD = """const snaps = [], press = key => document.dispatchEvent(new KeyboardEvent('keydown', {key})), click = id => document.getElementById(id).click();
const slide = k => { const s = document.getElementById('slider'); s.value = k; s.dispatchEvent(new Event('input')); };
const snap = () => snaps.push({cycle: +document.body.dataset.cycle, cells: [...document.querySelectorAll('.cell')].map(g => ({id: g.id, class: g.getAttribute('class'), ...g.dataset}))});
%s
document.body.dataset.snaps = JSON.stringify(snaps);"""


def decimal(word):
    """A Q8.8 word to four digits, halves away from zero."""
    digits = (abs(word) * 10000 + 128) // 256
    return ("-" if word < 0 else "") + f"{digits // 10000}.{digits % 10000:04}".rstrip("0").rstrip(".")


def signed(text):
    word = int(text)
    return word - (1 << 32) if word >> 31 else word


class Pulse(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir(parents=True)
        (FOLDER / "product.s").write_text(PRODUCT)
        cls.dumps = {}
        for name, program in {"product": ["product.s"], "xor": ["xor", "--chip", "tinytpu"]}.items():
            subprocess.run([SYSTOLE, "waves", *program, "--quiet", "-o", f"{name}.vcd", "--html", f"{name}.html", "--svg", f"{name}.svg"], cwd=FOLDER,
                           stdout=subprocess.DEVNULL, check=True)
            cls.dumps[name] = Dump(FOLDER / f"{name}.vcd")

    def page(self, name, cycle, script="", milliseconds=300):
        """The page's text at a cycle, after a script."""
        path = FOLDER / f"{name}.html"
        if script:
            text = path.read_text()
            path = FOLDER / f"{name}-script.html"
            path.write_text(text.replace("</body>", f"<script>{script}</script></body>"))
        return chromium("--dump-dom", f"{path.as_uri()}#cycle={cycle}", milliseconds=milliseconds)

    def snaps(self, name, cycle, script, milliseconds=300):
        page = self.page(name, cycle, RECORD % script, milliseconds)
        return json.loads(html.unescape(re.search(r'data-snaps="([^"]*)"', page).group(1)))

    def expect(self, name, snap, cycle):
        self.assertEqual(snap["cycle"], cycle)
        waves, top = self.dumps[name], "systole.core0.array" if name == "product" else "systole.tinytpu.array"
        self.assertEqual(len(snap["cells"]), 16 if name == "product" else 4)
        for cell in snap["cells"]:
            place = f"{top}.{cell['id'].replace('-', '_')}."
            for field in ("active", "shadow", "value", "sum"):
                self.assertEqual(signed(cell[field]), waves.after(place + field, cycle), f"{name} {place}{field} {cycle}")
            for field, style in (("valid", "work"), ("switching", "switch")):
                self.assertEqual(int(cell[field]), waves.after(place + field, cycle), f"{name} {place}{field} {cycle}")
                self.assertEqual(style in cell["class"].split(), cell[field] == "1")

    def test_every_cycle_shows_the_registers(self):
        for name, dump in self.dumps.items():
            snaps = self.snaps(name, 0, f"for (let k = 0; k < {len(dump.clock)}; ++k) {{ slide(k); snap(); }}")
            self.assertEqual(len(snaps), len(dump.clock))
            for cycle, snap in enumerate(snaps):
                self.expect(name, snap, cycle)

    def test_keys_step_forward_and_back(self):
        keys = ["ArrowRight", "ArrowRight", "ArrowLeft", "Home", "ArrowLeft", "ArrowRight", "End", "ArrowRight", "ArrowLeft"]
        for name, cycles in (("product", [26, 27, 28, 27, 0, 0, 1, 60, 60, 59]), ("xor", [26, 27, 28, 27, 0, 0, 1, 75, 75, 74])):
            snaps = self.snaps(name, 26, f"snap(); for (const key of {keys}) {{ press(key); snap(); }}")
            for cycle, snap in zip(cycles, snaps, strict=True):
                self.expect(name, snap, cycle)

    def test_buttons_and_playing_move_too(self):
        snaps = self.snaps("product", 26, "for (const id of ['forward', 'back', 'first', 'last']) { click(id); snap(); }")
        for cycle, snap in zip([27, 26, 0, 60], snaps, strict=True):
            self.expect("product", snap, cycle)
        page = self.page("product", 26, "document.getElementById('play').click();", 2500)      # a cycle a second
        self.assertGreater(int(re.search(r'data-cycle="(\d+)"', page).group(1)), 26)

    def test_the_chips_are_the_moving_values(self):
        page = self.page("product", 27)
        texts = {key: html.unescape(text) for key, text in re.findall(r'data-chip="([^"]+)"[^>]*>(?:<rect[^>]*>(?:</rect>)?)<text[^>]*>([^<]*)<', page)}
        waves = self.dumps["product"]
        for row in range(4):
            for column in range(4):
                place = f"systole.core0.array.pe_{row}_{column}."
                for kind, key, field in (("x", f"x{row}:{27 - column}", "value"), ("s", f"s{column}:{27 - row}", "sum")):
                    if waves.after(place + "valid", 27):
                        self.assertEqual(texts[key], str(waves.after(place + field, 27)))
                    else:
                        self.assertFalse(kind == "s" and key in texts)

    def test_pointing_at_an_element_decodes_it(self):
        page = self.page("xor", 20, "document.getElementById('pe-0-0').dispatchEvent(new MouseEvent('mousemove', {clientX: 9, clientY: 9}));")
        tip = re.search(r'<div id="tip"[^>]*>([^<]*)</div>', page).group(1)
        weight = self.dumps["xor"].after("systole.tinytpu.array.pe_0_0.active", 20)
        self.assertIn(f"({weight}/256)", tip)
        self.assertIn(decimal(weight), tip)
        self.assertIn("Forward, layer 1:", page)

    def test_the_panels_hold_the_memories(self):
        page = self.page("xor", 75)
        shown = dict(re.findall(r'data-name="([^"]+)"[^>]*>([^<]*)<', page))
        updated = {"W1_0": 68, "W1_1": -154, "W1_2": 14, "W1_3": 103, "B1_0": -138, "B1_1": 36, "B2": 122}      # the original's training step
        for name, value in updated.items():
            self.assertAlmostEqual(float(shown[name]), value / 256, places=4, msg=name)

    def test_the_animations_show_the_registers(self):
        for name, cycle, first in (("product", 27, None), ("xor", 20, None)):
            svg = (FOLDER / f"{name}.svg").read_text()
            first = min(map(int, re.findall(r">cycle (\d+)<", svg)))
            script = ("onload = () => setTimeout(() => { const s = document.querySelector('svg'); s.pauseAnimations(); s.setCurrentTime(%f); const out = [...s.querySelectorAll('text')]"
                      ".filter(t => getComputedStyle(t).visibility === 'visible').map(t => `${t.closest('g') ? t.closest('g').getAttribute('class') : t.getAttribute('class')}=${t.textContent}`);"
                      "document.body.dataset.texts = out.join('|'); }, 100);") % (cycle - first + 0.9)
            path = FOLDER / f"{name}-svg.html"
            path.write_text(f"<!DOCTYPE html><body>{svg}<script>{script}</script></body>")
            page = chromium("--dump-dom", path.as_uri(), milliseconds=1500)
            texts = html.unescape(re.search(r'data-texts="([^"]*)"', page).group(1)).split("|")
            self.assertIn(f"y=cycle {cycle}", texts)
            waves, top, size, scale = self.dumps[name], "core0" if name == "product" else "tinytpu", 4 if name == "product" else 2, 1 if name == "product" else 256
            places = [f"systole.{top}.array.pe_{r}_{c}." for r in range(size) for c in range(size)]
            number = str if scale == 1 else decimal
            self.assertEqual([t[2:] for t in texts if t.startswith("a=")], [number(waves.after(p + "active", cycle)) for p in places])
            sums = [t.split("=")[1] for t in texts if t.startswith("k o=")]
            for place in places:
                if waves.after(place + "valid", cycle):
                    self.assertIn(number(waves.after(place + "sum", cycle)), sums)

    def test_nothing_is_loaded_from_elsewhere(self):
        for path in [*FOLDER.glob("product.*ml"), *FOLDER.glob("xor.svg")]:
            text = path.read_text().replace("http://www.w3.org/2000/svg", "")
            self.assertNotRegex(text, r"https?:|src=|@import|url\(", str(path))

    def test_screenshots(self):
        for name, cycle in (("product", 27), ("xor", 20)):
            picture = FOLDER / f"{name}.png"
            chromium("--window-size=1400,1000", f"--screenshot={picture}", f"{(FOLDER / name).with_suffix('.html').as_uri()}#cycle={cycle}")
            self.assertGreater(picture.stat().st_size, 30000)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
