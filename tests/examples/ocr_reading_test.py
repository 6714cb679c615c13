"""What examples/ocr makes of the networks' numbers: boxes, directions, text."""
import sys
import unittest
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples" / "ocr"))
import picture  # noqa: E402
import reading  # noqa: E402


class Boxes(unittest.TestCase):
    def test_components_touch_at_corners(self):
        mask = np.array([[1, 0, 0, 1], [0, 1, 0, 1], [0, 0, 0, 0], [1, 1, 0, 0]], bool)
        cells = sorted(sorted(zip(rows.tolist(), columns.tolist())) for rows, columns in reading.components(mask))
        self.assertEqual(cells, [[(0, 0), (1, 1)], [(0, 3), (1, 3)], [(3, 0), (3, 1)]])

    def test_a_box_grows_by_area_times_ratio_over_perimeter(self):
        probability = np.zeros((64, 96), np.float32)
        probability[20:30, 30:60] = 0.9          # 10 x 30: grows by 300 * 1.5 / 80 = 5.625
        self.assertEqual(reading.find_boxes(probability), [(24, 14, 66, 36)])

    def test_a_box_stays_in_the_picture(self):
        probability = np.full((8, 40), 0.9, np.float32)
        self.assertEqual(reading.find_boxes(probability), [(0, 0, 40, 8)])

    def test_faint_and_thin_regions_are_no_boxes(self):
        probability = np.zeros((64, 96), np.float32)
        probability[5:15, 5:40] = 0.5            # above the pixels' threshold, below the box's
        probability[30:32, 5:90] = 0.9           # two pixels high
        self.assertEqual(reading.find_boxes(probability), [])

    def test_boxes_come_top_to_bottom(self):
        probability = np.zeros((128, 96), np.float32)
        for top in (90, 20):
            probability[top:top + 10, 30:60] = 0.9
        tops = [box[1] for box in reading.find_boxes(probability)]
        self.assertEqual(tops, sorted(tops))
        self.assertEqual(len(tops), 2)


class Lines(unittest.TestCase):
    def test_a_line_is_scaled_to_the_height_and_padded_with_zeros(self):
        x = reading.line_input(Image.new("RGB", (20, 10), (255, 0, 0)), 160)
        self.assertEqual(x.shape, (3, 48, 160))
        np.testing.assert_array_equal(x[:, :, :96], np.array([-1, -1, 1], np.float32)[:, None, None] * np.ones((1, 48, 96)))   # blue first
        self.assertFalse(x[:, :, 96:].any())

    def test_widths_round_up(self):
        step = reading.WIDTH_STEP
        lines = [Image.new("RGB", (width, 48)) for width in (step, step + 1, 1)]
        self.assertEqual(reading.width_groups(lines), {step: [0, 2], 2 * step: [1]})

    def test_detector_input_is_normalised_blue_first(self):
        x = reading.detector_input(Image.new("RGB", (32, 32), (255, 0, 0)))
        self.assertEqual((x.shape, x.dtype), ((1, 3, 32, 32), np.float32))
        np.testing.assert_allclose(x[0, :, 0, 0], [-0.485 / 0.229, -0.456 / 0.224, (1 - 0.406) / 0.225], rtol=1e-6)


class Text(unittest.TestCase):
    def test_repeats_merge_and_blanks_separate(self):
        alphabet = ["", "l", "o", " "]
        steps = [1, 1, 0, 1, 2, 2, 3, 0, 3, 2]
        self.assertEqual(reading.decode(np.eye(4)[steps], alphabet), "llo  o")

    def test_a_picture_is_read_by_networks_that_say_what_is_there(self):
        """Networks that answer from the picture itself: the detector marks the ink's rows, the classifier turns the second line."""
        image = Image.new("RGB", (96, 96), (255, 255, 255))
        image.paste((0, 0, 0), (20, 10, 80, 20))
        image.paste((0, 0, 0), (20, 60, 80, 70))

        def network(model, x):
            if model == reading.DETECTOR:
                return np.where(x[:, :1] < 0, 1, 0).astype(np.float32)
            if model == reading.DIRECTION:
                return np.array([[0.97, 0.03], [0.05, 0.95]], np.float32)
            return np.eye(3, dtype=np.float32)[[[0, 1, 1, 2]] * len(x)]

        found = reading.read_picture(image, network, ["", "h", "i"])
        self.assertEqual([(line.text, line.upside_down) for line in found], [("hi", False), ("hi", True)])
        self.assertAlmostEqual(found[1].turn_score, 0.95, places=6)

    def test_no_text_is_no_line(self):
        self.assertEqual(reading.read_picture(Image.new("RGB", (32, 32)), lambda model, x: np.zeros((1, 1, 32, 32)), []), [])


class Picture(unittest.TestCase):
    def test_lines_do_not_touch_each_other_or_the_border(self):
        ink = np.asarray(picture.draw()).sum(axis=2) < sum(picture.PAPER) - 100
        self.assertEqual((picture.WIDTH % 32, picture.HEIGHT % 32), (0, 0))
        self.assertFalse(ink[0].any() or ink[-1].any() or ink[:, 0].any() or ink[:, -1].any())
        starts = np.count_nonzero(np.diff(ink.any(axis=1).astype(int)) == 1)
        self.assertEqual(starts, len(picture.LINES))


if __name__ == "__main__":
    unittest.main()
