"""PP-OCR around its three networks: what goes in, and what the numbers that come out mean.

A network is a function from (model, float32 array) to float32 array; `read_picture` asks no more of it.
Definitions: PaddleOCR's published pre- and post-processing, with axis-aligned boxes.
"""
import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

DETECTOR, DIRECTION, RECOGNISER = "detector", "direction", "recogniser"

PIXEL_THRESHOLD = 0.3      # of the probability map
BOX_THRESHOLD = 0.6        # a box's mean probability
UNCLIP_RATIO = 1.5         # the map marks shrunken text; a box grows by area * ratio / perimeter
SMALLEST_SIDE = 3          # pixels of a box before it grows
TURN_THRESHOLD = 0.9       # the direction classifier must be this sure to turn a line
LINE_HEIGHT = 48           # pixels, both line networks
DIRECTION_WIDTH = 192
WIDTH_STEP = 320           # lines whose width rounds up to the same multiple go through the recogniser together


@dataclass(frozen=True)
class Reading:
    box: tuple             # left, top, right, bottom; right and bottom are outside
    upside_down: bool
    turn_score: float      # the classifier's probability of the direction found
    text: str


def detector_input(picture):
    """[1, 3, H, W], blue first as PaddleOCR reads pictures, normalised as ImageNet's."""
    pixels = np.asarray(picture, np.float32)[:, :, ::-1] / 255
    mean, deviation = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])
    return np.ascontiguousarray(((pixels - mean) / deviation).transpose(2, 0, 1)[None], np.float32)


def components(mask):
    """The 8-connected components of a boolean map, each a pair of index arrays (rows, columns)."""
    left = mask.copy()
    found = []
    height, width = mask.shape
    for start in zip(*np.nonzero(mask)):
        if not left[start]:
            continue
        left[start] = False
        cells = [start]
        for row, column in cells:     # grows while it is walked
            for y in range(max(row - 1, 0), min(row + 2, height)):
                for x in range(max(column - 1, 0), min(column + 2, width)):
                    if left[y, x]:
                        left[y, x] = False
                        cells.append((y, x))
        found.append(tuple(np.array(cells).T))
    return found


def find_boxes(probability):
    """Boxes (left, top, right, bottom) of the text in a detector's map [H, W], top to bottom."""
    height, width = probability.shape
    boxes = []
    for rows, columns in components(probability > PIXEL_THRESHOLD):
        left, top, right, bottom = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        if min(right - left, bottom - top) < SMALLEST_SIDE or probability[rows, columns].mean() < BOX_THRESHOLD:
            continue
        grow = (right - left) * (bottom - top) * UNCLIP_RATIO / (2 * (right - left + bottom - top))
        boxes.append((max(round(left - grow), 0), max(round(top - grow), 0),
                      min(round(right + grow), width), min(round(bottom + grow), height)))
    return sorted(boxes, key=lambda box: (box[1], box[0]))


def line_width(line):
    """A line's width once it is LINE_HEIGHT high."""
    return math.ceil(LINE_HEIGHT * line.width / line.height)


def line_input(line, width):
    """[3, LINE_HEIGHT, width]: the line scaled to the height, zeros to its right; wider lines are squeezed."""
    scaled = min(line_width(line), width)
    pixels = np.asarray(line.resize((scaled, LINE_HEIGHT), Image.BILINEAR), np.float32)[:, :, ::-1]
    out = np.zeros((3, LINE_HEIGHT, width), np.float32)
    out[:, :, :scaled] = ((pixels / 255 - 0.5) / 0.5).transpose(2, 0, 1)
    return out


def decode(scores, alphabet):
    """Greedy CTC: the best class per step, repeats merged, class 0 (blank) dropped. scores: [T, classes]."""
    best = scores.argmax(axis=1)
    kept = [c for i, c in enumerate(best) if c != 0 and (i == 0 or c != best[i - 1])]
    return "".join(alphabet[c] for c in kept)


def load_alphabet(path):
    """A recogniser's classes: blank, the dictionary's lines, space."""
    with open(path, encoding="utf-8") as file:
        return [""] + file.read().rstrip("\n").split("\n") + [" "]


def width_groups(lines):
    """{input width: positions of the lines that take it}, narrow first."""
    groups = {}
    for i, line in enumerate(lines):
        groups.setdefault(math.ceil(line_width(line) / WIDTH_STEP) * WIDTH_STEP, []).append(i)
    return dict(sorted(groups.items()))


def read_picture(picture, network, alphabet):
    """The lines of text in a picture, top to bottom."""
    boxes = find_boxes(network(DETECTOR, detector_input(picture))[0, 0])
    if not boxes:
        return []
    lines = [picture.crop(box) for box in boxes]

    turns = network(DIRECTION, np.stack([line_input(line, DIRECTION_WIDTH) for line in lines]))   # [N, 2]: 0, 180 degrees
    turned = [bool(turn[1] > TURN_THRESHOLD) for turn in turns]
    lines = [line.transpose(Image.ROTATE_180) if turn else line for line, turn in zip(lines, turned)]

    texts = [""] * len(lines)
    for width, members in width_groups(lines).items():
        scores = network(RECOGNISER, np.stack([line_input(lines[i], width) for i in members]))    # [N, T, classes]
        for i, score in zip(members, scores):
            texts[i] = decode(score, alphabet)
    return [Reading(box, turn, float(turns[i, int(turn)]), texts[i]) for i, (box, turn) in enumerate(zip(boxes, turned))]
