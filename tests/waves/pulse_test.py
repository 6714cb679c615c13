#!/usr/bin/python3
"""The pages and animations in headless Chromium: what they show in each cycle is what the value change dump of the same run says.

usage: pulse_test.py SYSTOLE FOLDER     (screenshots stay in FOLDER)
"""
import html
import re
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

from dump import PRODUCT, Dump

SYSTOLE, FOLDER = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()


def chromium(*arguments, milliseconds=300):
    """Runs it for so long of its own time, which passes faster than ours."""
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-sync", "--disable-background-networking",
               "--disable-component-update", f"--user-data-dir={FOLDER / 'profile'}", f"--virtual-time-budget={milliseconds}", *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, timeout=300, text=True).stdout


def elements(page):
    """What each element of a page's picture shows: {(row, column): attributes}."""
    found = {}
    for tag in re.findall(r'<g [^>]*id="pe-\d+-\d+"[^>]*>', page):
        attributes = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        row, column = map(int, attributes["id"].split("-")[1:])
        found[row, column] = attributes
    return found


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

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(FOLDER / "profile", ignore_errors=True)

    def page(self, name, cycle, script="", milliseconds=300):
        """The page's text at a cycle, after a script."""
        path = FOLDER / f"{name}.html"
        if script:
            text = path.read_text()
            path = FOLDER / f"{name}-script.html"
            path.write_text(text.replace("</body>", f"<script>{script}</script></body>"))
        return chromium("--dump-dom", f"{path.as_uri()}#cycle={cycle}", milliseconds=milliseconds)

    def expect(self, name, page, cycle):
        self.assertIn(f'data-cycle="{cycle}"', page)
        waves, top = self.dumps[name], "systole.core0.array" if name == "product" else "systole.tinytpu.array"
        shown = elements(page)
        self.assertEqual(len(shown), 16 if name == "product" else 4)
        for (row, column), attributes in shown.items():
            for field in ("active", "shadow", "value", "sum"):
                self.assertEqual(signed(attributes[f"data-{field}"]), waves.after(f"{top}.pe_{row}_{column}.{field}", cycle), f"{name} {row},{column} {field} {cycle}")
            for field in ("valid", "switching"):
                self.assertEqual(int(attributes[f"data-{field}"]), waves.after(f"{top}.pe_{row}_{column}.{field}", cycle), f"{name} {row},{column} {field} {cycle}")
            self.assertEqual("work" in attributes["class"].split(), attributes["data-valid"] == "1")

    def test_each_page_shows_the_registers(self):
        for name, cycles in {"product": (0, 21, 27, 31, 60), "xor": (17, 20, 36, 75)}.items():
            for cycle in cycles:
                self.expect(name, self.page(name, cycle), cycle)

    def test_keys_step_forward_and_back(self):
        press = "for (const key of {}) document.dispatchEvent(new KeyboardEvent('keydown', {{key}}));"
        for name, start, keys, end in (("product", 26, ["ArrowRight"] * 3, 29), ("product", 29, ["ArrowLeft"], 28), ("product", 5, ["End"], 60),
                                       ("xor", 30, ["Home", "ArrowLeft"], 0), ("xor", 20, ["ArrowRight", "ArrowLeft"], 20)):
            self.expect(name, self.page(name, start, press.format(keys)), end)

    def test_buttons_slider_and_address_move_too(self):
        self.expect("product", self.page("product", 26, "document.getElementById('forward').click();"), 27)
        self.expect("product", self.page("product", 26, "const s = document.getElementById('slider'); s.value = 30; s.dispatchEvent(new Event('input'));"), 30)
        self.expect("product", self.page("product", 26, "document.getElementById('play').click();", 2500), 28)      # a cycle a second

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
            script = ("onload = () => requestAnimationFrame(() => { const s = document.querySelector('svg'); s.pauseAnimations(); s.setCurrentTime(%f); const out = [...s.querySelectorAll('text')]"
                      ".filter(t => getComputedStyle(t).visibility === 'visible').map(t => `${t.closest('g') ? t.closest('g').getAttribute('class') : t.getAttribute('class')}=${t.textContent}`);"
                      "document.body.dataset.texts = out.join('|'); });") % (cycle - first + 0.9)
            path = FOLDER / f"{name}-svg.html"
            path.write_text(f"<!DOCTYPE html><body>{svg}<script>{script}</script></body>")
            page = chromium("--dump-dom", path.as_uri())
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
