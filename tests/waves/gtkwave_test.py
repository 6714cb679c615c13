#!/usr/bin/python3
"""The save file in GTKWave itself, on a display that nobody sees: it finds every trace and decodes every value.

usage: gtkwave_test.py SYSTOLE FOLDER
"""
import re
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
    def waves(self, file, *program):
        subprocess.run([SYSTOLE, "waves", *program, "--quiet", "-o", file], cwd=FOLDER, stdout=subprocess.DEVNULL, check=True)
        return Dump(FOLDER / file) if file.endswith(".vcd") else None

    def traces(self, name, cycle, *program):
        """(path, flags, value) of each trace, and the dump."""
        waves = self.waves(f"{name}.vcd", *program)
        return self.shown(name, f"{name}.vcd", waves.clock[cycle], "systole."), waves

    def shown(self, name, dump, time, top):
        (FOLDER / f"{name}.tcl").write_text(SCRIPT.format(time=time, picture=FOLDER / f"{name}.png"))
        out = subprocess.run(["xvfb-run", "-a", "gtkwave", "-S", f"{name}.tcl", dump, f"{name}.gtkw"], cwd=FOLDER, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                             timeout=300, text=True).stdout
        found = [line.split("|")[1:] for line in out.splitlines() if line.startswith("TRACE|")]
        found = [(int(flags), value) for _, flags, value in found if not int(flags) & 0x200]           # not the lines with a group's or a scope's name
        paths = [re.sub(r"\[\d+:0\]$", "", line) for line in (FOLDER / f"{name}.gtkw").read_text().splitlines() if line.startswith(top)]
        self.assertEqual(len(found), len(paths), "GTKWave does not find every trace of the save file")
        self.assertGreater((FOLDER / f"{name}.png").stat().st_size, 20000)
        return [(path, flags, value) for path, (flags, value) in zip(paths, found)]

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

    def test_the_rtls_save_file_shows_the_same_numbers(self):
        """Verilator's dump, decoded by its own save file, against the register engine's."""
        cycle = 21
        waves = self.waves("forward.vcd", "xor", "--steps", "0")
        self.waves("xor_rtl.fst", "xor", "--steps", "0", "--engine", "rtl")
        values = {path: value for path, _, value in self.shown("xor_rtl", "xor_rtl.fst", waves.clock[cycle], "TOP.")}
        names = {"input_out": "value", "active": "active", "shadow": "shadow", "sum_out": "sum", "weight_out": "weight"}
        seen = set()
        for row in range(2):
            for column in range(2):
                for rtl, register in names.items():
                    word = waves.after(f"systole.tinytpu.array.pe_{row}_{column}.{register}", cycle - 1)
                    self.assertEqual(float(values[f"TOP.tinytpu_probe.dut.array.pe{row + 1}{column + 1}.{rtl}"]), word / 256, (row, column, rtl))
                    seen.add(word)
        self.assertGreater(len(seen), 4)
        self.waves("product_rtl.fst", "product.s", "--engine", "rtl")
        values = self.shown("product_rtl", "product_rtl.fst", waves.clock[30], "TOP.")
        self.assertEqual(sum(path.endswith(".element.sum") for path, _, _ in values), 16)
        self.assertTrue(any(int(value) != 0 for path, _, value in values if path.endswith(".element.sum")))


if __name__ == "__main__":
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    (FOLDER / "product.s").write_text(PRODUCT)
    unittest.main(argv=sys.argv[:1], verbosity=2)
