"""The picture to read: a few lines of dark text on a light card, one of them upside down."""
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 480, 320                       # multiples of 32, as the detector asks
FONTS = "/usr/share/fonts/truetype/dejavu/"    # Debian: fonts-dejavu-core
PAPER, INK = (246, 242, 232), (24, 32, 64)


@dataclass(frozen=True)
class Line:
    text: str
    font: str
    size: int            # pixels of the font's em
    middle: int          # y of the line's middle
    upside_down: bool = False


# The recogniser drops the spaces of all-capital lines, in every runtime: lines of several words are in small letters.
LINES = (
    Line("SYSTOLE", "DejaVuSans-Bold", 52, 48),
    Line("One chip, three engines", "DejaVuSerif", 30, 116),
    Line("9216 chips", "DejaVuSerif", 36, 172),
    Line("Upside down", "DejaVuSerif", 32, 226, upside_down=True),
    Line("TPU v4 in software", "DejaVuSerif", 30, 278),
)


def draw():
    """The picture, RGB."""
    picture = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    for line in LINES:
        font = ImageFont.truetype(f"{FONTS}{line.font}.ttf", line.size)
        strip = Image.new("RGB", (WIDTH, 2 * line.size), PAPER)
        ImageDraw.Draw(strip).text((WIDTH // 2, line.size), line.text, fill=INK, font=font, anchor="mm")
        if line.upside_down:
            strip = strip.rotate(180)
        # A strip's margin is blank, so only its middle is pasted: neighbours stay whole.
        half = line.size * 3 // 4
        picture.paste(strip.crop((0, line.size - half, WIDTH, line.size + half)), (0, line.middle - half))
    return picture


def draw_boxes(picture, readings):
    """The picture, each box outlined (red where the line stood on its head)."""
    marked = picture.copy()
    pen = ImageDraw.Draw(marked)
    font = ImageFont.truetype(f"{FONTS}DejaVuSans.ttf", 11)
    for reading in readings:
        colour = (200, 40, 40) if reading.upside_down else (20, 130, 90)
        left, top, right, bottom = reading.box
        pen.rectangle((left, top, right - 1, bottom - 1), outline=colour, width=2)
        pen.text((left + 2, bottom + 1), reading.text, fill=colour, font=font)
    return marked
