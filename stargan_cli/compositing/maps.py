"""The small maps that say what changes in a part of a picture, as the network's side lays them out for the picture's.

A pixel x, in levels of 255, becomes x + mask * COLOUR. The mask is MASK + SLOPE * (x - SEEN), held between LOW and
HIGH. SEEN is the picture, made as small as the maps. LIGHTER is how much lighter a place gets where the mask is 1, as a
share of its lightness. No torch here: the picture's side has none.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

COLOUR, SLOPE, MASK, LOW, HIGH, LIGHTER, SEEN = slice(0, 3), slice(3, 6), 6, 7, 8, 9, slice(10, 13)
CHANNELS = 13
HALF = 127.5
"""Levels of 255 for each step of 1 in [-1, 1]."""
DARKEST = 0.15 * HALF
"""Levels above black from which lightness is reckoned, so that noise in black is not raised."""

Floats = NDArray[np.float32]
Numbers = TypeVar("Numbers")
"""An array or a tensor."""


def lightness(red: Numbers, green: Numbers, blue: Numbers) -> Numbers:
    """The luma (ITU-R BT.601, as in Pillow), in the range of its parts."""
    luma: Numbers = 0.299 * red + 0.587 * green + 0.114 * blue  # type: ignore[operator, assignment]
    return luma


def smooth(step: Numbers) -> Numbers:
    """0 below 0, 1 above 1, and a smooth way between."""
    step = step.clip(0, 1)  # type: ignore[attr-defined]
    smoothed: Numbers = step * step * (3 - 2 * step)  # type: ignore[operator]
    return smoothed
