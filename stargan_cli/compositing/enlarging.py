"""Enlarge small maps of a part of a picture to the size of the picture, one strip after the other.

Columns are enlarged first, then rows, strip by strip. Each block of pixels is a matrix product with the few px of the
maps around it: several times as fast as Pillow's and torch's own resizing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stargan_cli.compositing.scratch_arrays import scratch_array
from stargan_cli.pictures.arrays import Floats

REACH = 2  # px of the maps: the reach of the bicubic kernel
_SPAN = 8  # px of the maps: enlarged by one matrix product

Box = tuple[int, int, int, int]


class Enlarger:
    """Enlarges maps (C, H, W) of the part `box` of a picture to strips of `region`, which is `box` rounded to whole
    pixels."""

    def __init__(self, maps: Floats, box: tuple[float, float, float, float], region: Box) -> None:
        left, top, right, bottom = box
        maps = _no_finer(maps, region)
        channels, height, width = maps.shape
        across, down = width / (right - left), height / (bottom - top)
        columns = _axis(width, (region[0] - left) * across, across, region[2] - region[0])
        self._rows = _axis(height, (region[1] - top) * down, down, region[3] - region[1])
        lines, wide = maps.reshape(-1, width), scratch_array("wide", (channels * height, columns.count))
        for pixels, between, weights in columns.blocks(0, columns.count):
            np.matmul(lines[:, between], weights.T, out=wide[:, pixels])
        self._wide = wide.reshape(channels, height, columns.count)

    def strip(self, start: int, end: int, columns: slice) -> Floats:
        """Return rows `start` to `end` of these columns of the region: (C, end - start, width). The next call
        overwrites them."""
        whole = scratch_array("whole", (len(self._wide), end - start, columns.stop - columns.start))
        for pixels, between, weights in self._rows.blocks(start, end):
            np.matmul(weights, self._wide[:, between, columns], out=whole[:, pixels])
        return whole


def _no_finer(maps: Floats, region: Box) -> Floats:
    """Return the maps, shrunk to no more px than the region has."""
    height, width = min(maps.shape[1], region[3] - region[1]), min(maps.shape[2], region[2] - region[0])
    if maps.shape[1:] == (height, width):
        return maps
    linear = Image.Resampling.BILINEAR
    return np.stack([np.asarray(Image.fromarray(one).resize((width, height), linear)) for one in maps])


class _Axis:
    """Bicubic weights (Keys 1981, a = -0.5, as in Pillow) of `count` pixels on a line of `length` px of a map. The
    first pixel begins at `first`, and each is `step` long. Beyond its ends the line repeats them."""

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
        """Yield, for each block of the pixels from `start` to `end`: its N pixels, counted from `start`; the K px of
        the map that they depend on; and the weights (N, K)."""
        for first in range(start, end, self._block):
            last = min(end, first + self._block)
            low = max(0, math.floor(self._first + first * self._step) - REACH)
            high = min(self._length, math.ceil(self._first + last * self._step) + REACH)
            yield slice(first - start, last - start), slice(low, high), self._weights[first:last, low:high]


_axis = lru_cache(maxsize=2)(_Axis)
"""The axes of the last picture are kept: the next one often has the same size."""


def _inner(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """The bicubic weight at a distance of 0 to 1 px."""
    return (1.5 * distance - 2.5) * distance * distance + 1


def _outer(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """The bicubic weight at a distance of 1 to 2 px."""
    return ((2.5 - 0.5 * distance) * distance - 4) * distance + 2
