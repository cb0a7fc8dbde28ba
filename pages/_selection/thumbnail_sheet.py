"""Pictures of some samples of a run on one sheet, each with its number and a frame in its group's colour."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cu_core.figures.theme import NEUTRAL

COLUMNS = 20
TILE = 48
FRAME = 2
WORDS = 13
"""Height of the number below each picture, in px."""

GAP = 4


@dataclass(frozen=True)
class Sheet:
    """A picture of pictures.

    Attributes:
        png: the file's bytes.
        width: of the sheet in px.
    """

    png: bytes
    width: int


def sheet(images: np.ndarray, words: list[str], colours: list[str]) -> Sheet:
    """Draws pictures in rows.

    Args:
        images: (n, 1 or 3, h, w) uint8.
        words: (n,) below each.
        colours: (n,) of the frames.
    """
    columns = min(COLUMNS, len(images))
    lines = -(-len(images) // columns)
    across, down = TILE + 2 * FRAME + GAP, TILE + 2 * FRAME + WORDS + GAP
    canvas = Image.new("RGBA", (columns * across, lines * down), (0, 0, 0, 0))
    pen = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(11)
    for place, (image, text, colour) in enumerate(zip(images, words, colours, strict=True)):
        left, top = place % columns * across, place // columns * down
        pen.rectangle((left, top, left + TILE + 2 * FRAME - 1, top + TILE + 2 * FRAME - 1), outline=colour, width=FRAME)
        pixels = image[0] if len(image) == 1 else image.transpose(1, 2, 0)
        kind = Image.Resampling.NEAREST if max(pixels.shape[:2]) <= TILE else Image.Resampling.BOX
        canvas.paste(Image.fromarray(pixels).convert("RGB").resize((TILE, TILE), kind), (left + FRAME, top + FRAME))
        pen.text((left + FRAME, top + TILE + 2 * FRAME + 1), text, fill=NEUTRAL, font=font)
    file = io.BytesIO()
    canvas.save(file, "PNG", compress_level=1)
    return Sheet(file.getvalue(), canvas.width)
