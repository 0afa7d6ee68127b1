"""Squares within a picture, turned and scaled at will, and the pixels inside them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stargan_cli.pictures.arrays import Pixels, to_array, to_square

_OVERSAMPLING = 2
_MIRRORED = 0.12  # of the square's side: how far outside the picture something of its mirror image is seen


@dataclass(frozen=True)
class Place:
    """A similarity, written with complex numbers: the point u of the unit square lies at `origin + span * u`.

    Points are x + iy with y downwards, in pixels of the picture whose first pixel covers 0..1. `abs(span)` is the
    side in pixels, the angle of `span` the square's turn.
    """

    origin: complex
    span: complex

    @property
    def side(self) -> float:
        return abs(self.span)

    @property
    def corners(self) -> tuple[complex, complex, complex, complex]:
        """Top left, top right, bottom right, bottom left, as seen in the square."""
        return tuple(self.origin + self.span * u for u in (0, 1, 1 + 1j, 1j))  # type: ignore[return-value]

    def to_unit(self, point: complex) -> complex:
        """Where a point of the picture lies in the unit square."""
        return (point - self.origin) / self.span

    def region(self, width: int, height: int) -> tuple[int, int, int, int]:
        """The part of a picture that holds the square: left, top, right, bottom in whole pixels; may be empty."""
        xs, ys = [c.real for c in self.corners], [c.imag for c in self.corners]
        left, top = max(0, math.floor(min(xs))), max(0, math.floor(min(ys)))
        right, bottom = min(width, math.ceil(max(xs))), min(height, math.ceil(max(ys)))
        return left, top, max(left, right), max(top, bottom)


def centred(width: int, height: int) -> Place:
    """The largest centred square, as `arrays.to_square` cuts it."""
    side = min(width, height)
    return Place(complex((width - side) // 2, (height - side) // 2), complex(side))


def fitted(points: Sequence[complex], places: Sequence[complex]) -> Place:
    """The square in which `points` of a picture come closest (least squares) to `places` of the unit square.

    Two or more different places are needed; raises ValueError otherwise.
    """
    mean_point, mean_place = sum(points) / len(points), sum(places) / len(places)
    spread = sum(abs(place - mean_place) ** 2 for place in places)
    if spread == 0:
        raise ValueError("a square is fitted to at least two different places")
    pairs = zip(points, places, strict=True)
    span = sum((place - mean_place).conjugate() * (point - mean_point) for point, place in pairs) / spread
    return Place(mean_point - span * mean_place, span)


def places_of(landmarks: Mapping[str, Sequence[float]], names: Sequence[str]) -> dict[str, complex]:
    """The landmarks of a weights card that bear one of `names`, as points of the unit square."""
    return {name: complex(*landmarks[name]) for name in names if name in landmarks}


def cut(image: Image.Image, place: Place, size: int) -> Pixels:
    """The pixels of a square of an RGB picture, antialiased: uint8 (3, size, size).

    Outside the picture lies its mirror image, as in training pictures of whole heads that were made square. With the
    distance it gives way to the colours of the border, blurred: farther out the mirror image would be another face.
    The centred square comes out as `arrays.to_square` makes it.
    """
    if place == centred(*image.size):
        return to_square(image, size)
    factor, corners = min(1.0, _OVERSAMPLING * size / place.side), place.corners
    across = _Stretch.of([corner.real for corner in corners], image.width, factor)
    down = _Stretch.of([corner.imag for corner in corners], image.height, factor)
    box = (across.start, down.start, across.end, down.end)
    small = image.resize((across.pixels, down.pixels), Image.Resampling.BILINEAR, box=box, reducing_gap=3.0)
    around = _continued(small, across, down, _MIRRORED * factor * place.side)
    fine = _OVERSAMPLING * size
    start = complex((place.origin.real - across.origin) * across.scale, (place.origin.imag - down.origin) * down.scale)
    along, below = place.span / fine, 1j * place.span / fine
    first = (along.real * across.scale, below.real * across.scale, start.real)
    matrix = (*first, along.imag * down.scale, below.imag * down.scale, start.imag)
    sampled = around.transform((fine, fine), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
    return to_array(sampled.reduce(_OVERSAMPLING))


class _Stretch(NamedTuple):
    """Along one axis: from `start` to `end` the picture is shrunk to `pixels`, and the places `at` among those make the
    stretch that begins at `origin`, `scale` of them for each pixel of the picture. Some may lie outside."""

    start: int
    end: int
    pixels: int
    scale: float
    origin: float
    at: NDArray[np.intp]

    @classmethod
    def of(cls, ends: Sequence[float], length: int, factor: float) -> _Stretch:
        """Around what lies between `ends`, and its mirror image, in an axis of `length` pixels."""
        margin = 2 / factor
        low, high = min(ends) - margin, max(ends) + margin
        start, end = max(0, math.floor(min(low, 2 * length - high))), min(length, math.ceil(max(high, -low)))
        if end <= start:  # far outside
            start, end = 0, length
        pixels = max(1, round((end - start) * factor))
        scale = pixels / (end - start)
        first, last = math.floor((low - start) * scale), math.ceil((high - start) * scale)
        return cls(start, end, pixels, scale, start + first / scale, np.arange(first, last))

    @property
    def nearest(self) -> NDArray[np.intp]:
        return self.at.clip(0, self.pixels - 1)

    @property
    def mirrored(self) -> NDArray[np.intp]:
        folded = self.at % (2 * self.pixels)
        return np.minimum(folded, 2 * self.pixels - 1 - folded)


def _continued(small: Image.Image, across: _Stretch, down: _Stretch, reach: float) -> Image.Image:
    """The stretches of a shrunk picture; `reach` px outside it nothing is left of its mirror image."""
    pixels = np.asarray(small)
    mirrored = Image.fromarray(pixels[down.mirrored][:, across.mirrored])
    outside = np.hypot((down.at - down.nearest)[:, None], (across.at - across.nearest)[None])
    if not outside.any():
        return mirrored
    coarse = (max(1, round(small.width / reach)), max(1, round(small.height / reach)))
    blurred = small.resize(coarse, Image.Resampling.BILINEAR).resize(small.size, Image.Resampling.BICUBIC)
    border = Image.fromarray(np.asarray(blurred)[down.nearest][:, across.nearest])
    share = Image.fromarray((outside * (255 / reach)).clip(0, 255).astype(np.uint8))
    return Image.composite(border, mirrored, share)
