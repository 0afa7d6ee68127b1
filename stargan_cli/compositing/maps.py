"""The small maps that say what changes in a square, as the network's side makes them and the picture's side takes them.

For a picture x in [-1, 1] the changed one is x + mask * colour, where the mask is `slope` times x plus `offset`, held
between `low` and `high`. No torch here: the picture's side has none.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

COLOUR, SLOPE, OFFSET, LOW, HIGH = slice(0, 3), slice(3, 6), 6, 7, 8
CHANNELS = 9
BAND = 0.08  # of the side: along a border, where it is looked whether a change goes on beyond it
GOES_ON = (0.1, 0.5)  # sizes of a change, in [0, 2], at the border: a small one and a large one
LONG_FEATHER = 0.2  # of the side: how far from the border a change that goes on beyond it is whole
ALONG_BLUR = 0.06  # of the side: standard deviation along the border

Floats = NDArray[np.float32]
Sides = tuple[bool, bool, bool, bool]


def in_grey(maps: Floats) -> Floats:
    """The change of lightness alone, (CHANNELS, S, S): of a grey picture that is to stay grey."""
    grey: Floats = maps.copy()
    grey[COLOUR] = lightness(maps[COLOUR])
    return grey


def fading(maps: Floats, sides: Sides) -> Floats:
    """With a long way out at those borders (left, top, right, bottom) where the change goes on beyond the square, as in
    long hair: it would end there for all to see. (CHANNELS, S, S)"""
    size = np.abs(maps[COLOUR]).max(axis=0) * (maps[LOW] + maps[HIGH]) / 2
    faded: Floats = maps.copy()
    length = len(size)
    near = smooth((np.arange(math.ceil(LONG_FEATHER * length), dtype=np.float32) + 0.5) / (LONG_FEATHER * length))
    for side, fades in enumerate(sides):
        if fades:
            upwards = side - 1  # quarter turns that bring this side up
            band = np.rot90(size, upwards)[: max(1, round(BAND * length))]
            along = _blurred(band.mean(axis=0), ALONG_BLUR * length)
            goes_on = smooth((along - GOES_ON[0]) / (GOES_ON[1] - GOES_ON[0]))
            turned = np.rot90(faded[COLOUR], upwards, axes=(1, 2))
            turned[:, : len(near)] *= 1 - goes_on * (1 - near[:, None])
    return faded


def _blurred(line: Floats, deviation: float) -> Floats:
    """(S,), with Gaussian weights; the ends repeat."""
    reach = max(1, round(3 * deviation))
    weights = np.exp(-(np.arange(-reach, reach + 1, dtype=np.float32) ** 2) / (2 * deviation**2))
    blurred: Floats = np.convolve(np.pad(line, reach, mode="edge"), weights / weights.sum(), mode="valid")
    return blurred


def smooth(step: Floats) -> Floats:
    """0 below 0, 1 above 1, and a smooth way between."""
    step = np.clip(step, 0, 1)
    smoothed: Floats = step * step * (3 - 2 * step)
    return smoothed


def lightness(colours: Floats) -> Floats:
    """(3, ...) -> (...): the luma of red, green, blue (ITU-R BT.601, as in Pillow), in their range."""
    luma: Floats = 0.299 * colours[0] + 0.587 * colours[1] + 0.114 * colours[2]
    return luma
