"""Small maps of a part of a picture -> the same at the size of the picture, one strip of it after the other.

Columns are enlarged, then rows strip by strip, each as products of matrices with the few px of the maps that a block of
them lies between: several times as fast as Pillow's and torch's own enlarging.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stargan_cli.compositing.maps import Floats
from stargan_cli.compositing.scratch import scratch

_REACH = 2  # px of the maps: how far bicubic enlarging looks
_SPAN = 8  # px of the maps: what is enlarged at once

Box = tuple[int, int, int, int]


class Enlarger:
    """Enlarges maps (C, H, W) of the part `box` of a picture to strips of `region`, which it covers but for less than a
    pixel."""

    def __init__(self, maps: Floats, box: tuple[float, float, float, float], region: Box, most_rows: int) -> None:
        left, top, right, bottom = box
        maps = _no_finer(maps, region)
        channels, height, width = maps.shape
        across, down = width / (right - left), height / (bottom - top)
        columns = _axis(width, (region[0] - left) * across, across, region[2] - region[0])
        self._rows = _axis(height, (region[1] - top) * down, down, region[3] - region[1])
        lines, wide = maps.reshape(-1, width), scratch("wide", (channels * height, columns.count))
        for pixels, between, weights in columns.blocks(0, columns.count):
            np.matmul(lines[:, between], weights.T, out=wide[:, pixels])
        self._wide = wide.reshape(channels, height, columns.count)
        self._whole = scratch("whole", (channels, most_rows, columns.count))

    def strip(self, start: int, end: int) -> Floats:
        """(C, end - start, width) for those rows of the region. Overwritten by the next call."""
        for pixels, between, weights in self._rows.blocks(start, end):
            np.matmul(weights, self._wide[:, between], out=self._whole[:, pixels])
        return self._whole[:, : end - start]


def _no_finer(maps: Floats, region: Box) -> Floats:
    """The maps, with no more px than the region has."""
    height, width = min(maps.shape[1], region[3] - region[1]), min(maps.shape[2], region[2] - region[0])
    if maps.shape[1:] == (height, width):
        return maps
    linear = Image.Resampling.BILINEAR
    return np.stack([np.asarray(Image.fromarray(one).resize((width, height), linear)) for one in maps])


class _Axis:
    """`count` pixels on a line of `length` px of a map: the first begins at `first`, and each is `step` long. Bicubic
    (Keys 1981, a = -0.5, as Pillow has it); beyond its ends the line repeats them."""

    def __init__(self, length: int, first: float, step: float, count: int) -> None:
        self.count, self._length, self._first, self._step = count, length, first, step
        self._block = min(256, max(16, round(_SPAN / step)))
        self._weights = np.zeros((count, length), np.float32)
        rows, middles = np.arange(count), first + step * (np.arange(count) + 0.5) - 0.5
        before = np.floor(middles)
        t = middles - before
        for tap, weights in enumerate((_outer(1 + t), _inner(t), _inner(1 - t), _outer(2 - t)), start=-1):
            self._weights[rows, (before + tap).astype(int).clip(0, length - 1)] += weights

    def blocks(self, start: int, end: int) -> Iterator[tuple[slice, slice, Floats]]:
        """For those pixels, block by block: which they are, counted from `start`, between which px of the map they
        lie, and what makes of these K px the N pixels: (N, K)."""
        for first in range(start, end, self._block):
            last = min(end, first + self._block)
            low = max(0, math.floor(self._first + first * self._step) - _REACH)
            high = min(self._length, math.ceil(self._first + last * self._step) + _REACH)
            yield slice(first - start, last - start), slice(low, high), self._weights[first:last, low:high]


_axis = lru_cache(maxsize=2)(_Axis)
"""Those of the last picture: the next one often has the same size."""


def _inner(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """The bicubic weight of what is up to 1 px away."""
    return (1.5 * distance - 2.5) * distance * distance + 1


def _outer(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """The bicubic weight of what is 1 to 2 px away."""
    return ((2.5 - 0.5 * distance) * distance - 4) * distance + 2
