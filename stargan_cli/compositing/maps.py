"""The channels of the small maps that describe the change of a part of a picture.

The process with the networks makes the maps; the process with the picture applies them, and loads no torch. A pixel x
(0..255) becomes x + mask * COLOUR. The mask is MASK + SLOPE * (x - SEEN), moved towards 0 or HIGH, and at least LOW.
SEEN is the picture at the size of the maps. LIGHTER is how much lighter a pixel gets if the mask is 1, as a share of
its lightness.
"""

from __future__ import annotations

from typing import TypeVar

COLOUR, SLOPE, MASK, LOW, HIGH, LIGHTER, SEEN = slice(0, 3), slice(3, 6), 6, 7, 8, 9, slice(10, 13)
CHANNELS = 13
HALF = 127.5
"""Levels (0..255) for each step of 1 in [-1, 1]."""
DARKEST = 0.15 * HALF
"""Levels added to the lightness that LIGHTER is a share of, so that noise in black is not amplified."""

Numbers = TypeVar("Numbers")
"""An array or a tensor."""


def lightness(red: Numbers, green: Numbers, blue: Numbers) -> Numbers:
    """The luma (ITU-R BT.601, as in Pillow), in the range of its parts."""
    luma: Numbers = 0.299 * red + 0.587 * green + 0.114 * blue  # type: ignore[operator, assignment]
    return luma


def smooth(step: Numbers) -> Numbers:
    """Smoothstep: 0 below 0, 1 above 1, and smooth between."""
    step = step.clip(0, 1)  # type: ignore[attr-defined]
    smoothed: Numbers = step * step * (3 - 2 * step)  # type: ignore[operator]
    return smoothed
