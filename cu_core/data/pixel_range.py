"""Values of more than 8 bits as pixels: the range that a whole set is stored in, and what that makes of each value.

One range serves all pictures of a set that are stored alike: scaled one by one, a dark picture would look like a bright
one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

WHOLE = "whole numbers"
FRACTIONS = "floating point"
LONGEST_STEP = 2**22
"""Values that are scaled at a time, in double precision."""
# Of numbers between 0 and 1 a few may lie beyond by rounding or sharpening.
_SLACK = 1e-3
# Fractions up to 255 are read as 0 to 255 only from here on: ones up to 1.2 are hardly a black picture.
_LEAST_OF_255 = 16.0


@dataclass(frozen=True)
class Spread:
    """The smallest and the largest value of some pictures.

    Attributes:
        low: smallest value.
        high: largest value.
    """

    low: float
    high: float

    @classmethod
    def of(cls, values: np.ndarray) -> Spread | None:
        """Of an array; None where it holds something that is no finite number, or nothing."""
        if values.size == 0:
            return None
        low, high = float(values.min()), float(values.max())
        return cls(low, high) if np.isfinite(low) and np.isfinite(high) else None

    def joined(self, other: Spread) -> Spread:
        """Of the pictures of both."""
        return Spread(min(self.low, other.low), max(self.high, other.high))


@dataclass(frozen=True)
class PixelRange:
    """What becomes black and what becomes white.

    Attributes:
        low: value of black.
        high: value of white, above `low`.
        why: where the range comes from, such as ``"12 bits"``.
    """

    low: float
    high: float
    why: str

    @property
    def words(self) -> str:
        """The range with its reason."""
        return f"{self.low:.6g} to {self.high:.6g} ({self.why})"

    def pixels(self, values: np.ndarray) -> np.ndarray:
        """The nearest of 256 levels of each value, uint8 of the same shape; what lies beyond the range is cut off."""
        found = np.empty(values.shape, np.uint8)
        flat, out = values.reshape(-1), found.reshape(-1)
        for start in range(0, len(flat), LONGEST_STEP):
            part = flat[start : start + LONGEST_STEP].astype(np.float64)
            np.clip(np.rint((part - self.low) * (255 / (self.high - self.low))), 0, 255, out=part)
            out[start : start + LONGEST_STEP] = part
        return found


def range_of(family: str, spread: Spread) -> PixelRange:
    """The range that a set of pictures is stored in, judged by its smallest and largest value.

    Whole numbers from 0 on are taken as 8, 12 or 16 bits, whichever is the first to hold them; fractions as 0 to 1,
    -1 to 1 or 0 to 255. Anything else goes from the set's smallest to its largest value.

    Args:
        family: `WHOLE` or `FRACTIONS`.
        spread: of all pictures of the set that are stored alike.
    """
    low, high = spread.low, spread.high
    if family == WHOLE:
        # A set that holds 0 and 1 alone is made of masks.
        for most, why in ((1, "masks of 0 and 1"), (255, "8 bits"), (4095, "12 bits"), (65535, "16 bits")):
            if low >= 0 and high <= most:
                return PixelRange(0, most, why)
    elif low >= -_SLACK and high <= 1 + _SLACK:
        return PixelRange(0, 1, "shares of white")
    elif low >= -1 - _SLACK and high <= 1 + _SLACK:
        return PixelRange(-1, 1, "shares of white and black")
    elif low >= -_SLACK and _LEAST_OF_255 <= high <= 255 + _SLACK:
        return PixelRange(0, 255, "levels of 8 bits")
    return PixelRange(low, high if high > low else low + 1, "smallest and largest value of the set")


def family_of(dtype: np.dtype) -> str:
    """`WHOLE` or `FRACTIONS`, of an array's type; empty where it holds no numbers, or complex ones."""
    return {"b": WHOLE, "u": WHOLE, "i": WHOLE, "f": FRACTIONS}.get(dtype.kind, "")


def array_range(arrays: Iterable[np.ndarray]) -> PixelRange | None:
    """The range that arrays of pictures of one type share.

    Args:
        arrays: of numbers; of a large one, a few pictures at a time.

    Returns:
        None where a value is no finite number, or where there are none. Arrays of uint8 are pixels already and need
        no range.
    """
    spread: Spread | None = None
    family = ""
    for array in arrays:
        family = family or family_of(array.dtype)
        found = Spread.of(array)
        if found is None or not family:
            return None
        spread = found if spread is None else spread.joined(found)
    return None if spread is None else range_of(family, spread)
