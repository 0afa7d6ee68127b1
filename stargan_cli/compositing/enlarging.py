"""Small maps of a square, turned as it may be -> the same at the size of the picture, one strip of it after the other.

A turned square's maps are first brought onto a grid that lies straight in the picture and is as fine as they are. From
there columns are enlarged, then rows strip by strip, each as products of matrices with the few px of the grid that a
block of them lies between: several times as fast as Pillow's and torch's own enlarging.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stargan_cli.compositing.maps import Floats
from stargan_cli.compositing.placement import Place
from stargan_cli.compositing.scratch import scratch

_REACH = 2  # px of the grid: how far bicubic enlarging looks
_FINER = 1.5  # px of a turned square's grid for each of its own, so that no edge is lost
_SPAN = 8  # px of the grid: what is enlarged at once

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Grid:
    """`maps` (C, H, W) cover `box` (left, top, right, bottom) of a picture, in its pixels. The network sees as much of
    the picture in `seen` (width, height) pixels."""

    maps: Floats
    box: tuple[float, float, float, float]
    seen: tuple[int, int]


def straightened(maps: Floats, place: Place, region: Box, size: tuple[int, int]) -> Grid:
    """The maps (C, S, S) of a square on a grid that lies straight: the square itself where it does and lies within the
    picture of `size`, else `region`. No finer than the picture's pixels."""
    small = max(1, min(maps.shape[-1], round(place.side)))
    if small < maps.shape[-1]:
        linear = Image.Resampling.BILINEAR
        maps = np.stack([np.asarray(Image.fromarray(one).resize((small, small), linear)) for one in maps])
    left, top, right, bottom = place.origin.real, place.origin.imag, place.corners[2].real, place.corners[2].imag
    inside = left >= 0 and top >= 0 and right <= size[0] and bottom <= size[1]
    if inside and place.span.imag == 0 and place.span.real > 0:
        return Grid(maps, (left, top, right, bottom), (small, small))
    scale = small / place.side
    finer = _FINER if place.side >= 2 * _FINER * small else 1.0
    return Grid(_warped(maps, place, region, _size(region, finer * scale)), region, _size(region, scale))


def _size(region: Box, scale: float) -> tuple[int, int]:
    left, top, right, bottom = region
    return max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale))


def _warped(maps: Floats, place: Place, region: Box, size: tuple[int, int]) -> Floats:
    (left, top, right, bottom), small = region, maps.shape[-1]
    padded = np.pad(maps, ((0, 0), (_REACH, _REACH), (_REACH, _REACH)), mode="edge")
    start = place.to_unit(complex(left, top)) * small + complex(_REACH, _REACH)
    along, down = small * (right - left) / size[0] / place.span, 1j * small * (bottom - top) / size[1] / place.span
    matrix = (along.real, down.real, start.real, along.imag, down.imag, start.imag)
    affine, bicubic = Image.Transform.AFFINE, Image.Resampling.BICUBIC
    return np.stack([np.asarray(Image.fromarray(one).transform(size, affine, matrix, bicubic)) for one in padded])


class Enlarger:
    """Enlarges a grid's maps (C, H, W) to strips of `region`, which the grid covers but for less than a pixel."""

    def __init__(self, grid: Grid, region: Box, most_rows: int) -> None:
        left, top, right, bottom = grid.box
        channels, height, width = grid.maps.shape
        across, down = width / (right - left), height / (bottom - top)
        columns = _axis(width, (region[0] - left) * across, across, region[2] - region[0])
        self._rows = _axis(height, (region[1] - top) * down, down, region[3] - region[1])
        lines, wide = grid.maps.reshape(-1, width), scratch("wide", (channels * height, columns.count))
        for pixels, between, weights in columns.blocks(0, columns.count):
            np.matmul(lines[:, between], weights.T, out=wide[:, pixels])
        self._wide = wide.reshape(channels, height, columns.count)
        self._whole = scratch("whole", (channels, most_rows, columns.count))

    def strip(self, start: int, end: int) -> Floats:
        """(C, end - start, width) for those rows of the region. Overwritten by the next call."""
        for pixels, between, weights in self._rows.blocks(start, end):
            np.matmul(weights, self._wide[:, between], out=self._whole[:, pixels])
        return self._whole[:, : end - start]


class _Axis:
    """`count` pixels on a line of `length` px of a grid: the first begins at `first`, and each is `step` long. Bicubic
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
        """For those pixels, block by block: which they are, counted from `start`, between which px of the grid they
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
