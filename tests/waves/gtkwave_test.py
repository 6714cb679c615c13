#!/usr/bin/python3
"""The save file in GTKWave itself, on a display that nobody sees: it finds every trace and decodes every value.

usage: gtkwave_test.py SYSTOLE FOLDER
"""
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

from dump import PRODUCT, Dump

SYSTOLE, FOLDER = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
SCRIPT = """gtkwave::setMarker {time}
for {{set i 0}} {{$i < [gtkwave::getTotalNumTraces]}} {{incr i}} {{
  puts "TRACE|[gtkwave::getTraceNameFromIndex $i]|[gtkwave::getTraceFlagsFromIndex $i]|[gtkwave::getTraceValueAtMarkerFromIndex $i]"
}}
gtkwave::/Time/Zoom/Zoom_Full
gtkwave::/File/Grab_To_File {picture}
gtkwave::/File/Quit
"""
HEXADECIMAL, DECIMAL, SIGNED, TEXT, SHIFTED = 0x2, 0x4, 0x400, 0x800, 0x40000000


class GtkWave(unittest.TestCase):
    def traces(self, name, cycle, *program):
        """(path, flags, value) of each trace, and the dump."""
        subprocess.run([SYSTOLE, "waves", *program, "--quiet", "-o", f"{name}.vcd"], cwd=FOLDER, stdout=subprocess.DEVNULL, check=True)
        waves = Dump(FOLDER / f"{name}.vcd")
        (FOLDER / f"{name}.tcl").write_text(SCRIPT.format(time=waves.clock[cycle], picture=FOLDER / f"{name}.png"))
        out = subprocess.run(["xvfb-run", "-a", "gtkwave", "-S", f"{name}.tcl", f"{name}.vcd", f"{name}.gtkw"], cwd=FOLDER, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                             timeout=300, text=True).stdout
        found = [line.split("|")[1:] for line in out.splitlines() if line.startswith("TRACE|")]
        found = [(int(flags), value) for _, flags, value in found if not int(flags) & 0x200]           # not the lines with a group's or a scope's name
        paths = [line.split("[")[0] for line in (FOLDER / f"{name}.gtkw").read_text().splitlines() if line.startswith("systole.")]
        self.assertEqual(len(found), len(paths), "GTKWave does not find every trace of the save file")
        self.assertGreater((FOLDER / f"{name}.png").stat().st_size, 20000)
        return [(path, flags, value) for path, (flags, value) in zip(paths, found)], waves

    def expect(self, traces, waves, cycle):
        for path, flags, value in traces:
            word = waves.after(path, cycle - 1)                 # what stands when the cycle begins
            bits = word & ((1 << waves.names[path][1]) - 1)
            if value == "" and (".token_from_" in path or ".memory." in path):
                continue                                        # of a group that is closed at first
            if path.endswith((".clk", ".cycle", ".issue", ".finish", ".done")):
                continue                                        # wires: of the cycle
            if flags & TEXT:
                self.assertEqual(value.strip(), bits.to_bytes(8, "big").decode().strip(), path)
            elif flags & SHIFTED:
                self.assertEqual(float(value), word / 256, path)
            elif flags & SIGNED:
                self.assertEqual(int(value), word, path)
            elif flags & DECIMAL:
                self.assertEqual(int(value), bits, path)
            else:
                self.assertEqual(int(value, 16), bits, path)

    def test_integers_of_a_product(self):
        traces, waves = self.traces("product", 29, "product.s")
        self.expect(traces, waves, 29)
        self.assertTrue(any(value.strip() == "matmul" for path, _, value in self.traces("product", 25, "product.s")[0]))
        sums = [value for path, _, value in traces if path.endswith(".sum")]
        self.assertEqual(len(sums), 16)
        self.assertTrue(any(int(value) < 0 for value in sums))

    def test_fractions_of_the_training_step(self):
        traces, waves = self.traces("xor", 20, "xor")
        self.expect(traces, waves, 20)
        self.assertIn("0.296875", [value for path, _, value in traces if path.endswith("pe_0_0.active")])


if __name__ == "__main__":
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    (FOLDER / "product.s").write_text(PRODUCT)
    unittest.main(argv=sys.argv[:1], verbosity=2)
