"""Squares within a picture, turned and scaled at will, and the pixels inside them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from stargan_cli.pictures.tensors import to_square, to_tensor

_OVERSAMPLING = 2


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
    """The largest centred square, as `images.to_square` cuts it."""
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


def cut(image: Image.Image, place: Place, size: int) -> Tensor:
    """The pixels of a square of an RGB picture, antialiased: uint8 (3, size, size).

    What lies outside the picture repeats its border. The centred square comes out as `images.to_square` makes it.
    """
    if place == centred(*image.size):
        return to_square(image, size)
    pixels, (left, top, right, bottom) = _surroundings(image, place, size)
    fine = _OVERSAMPLING * size
    steps = (np.arange(fine) + 0.5) / fine
    x = place.origin.real + place.span.real * steps[None, :] - place.span.imag * steps[:, None]
    y = place.origin.imag + place.span.imag * steps[None, :] + place.span.real * steps[:, None]
    sides = [2 * (x - left) / (right - left) - 1, 2 * (y - top) / (bottom - top) - 1]
    grid = torch.from_numpy(np.stack(sides, axis=-1, dtype=np.float32, casting="same_kind"))
    sampled = F.grid_sample(pixels[None].float(), grid[None], "bilinear", "border", align_corners=False)
    return F.avg_pool2d(sampled, _OVERSAMPLING)[0].round_().clamp_(0, 255).to(torch.uint8)


def _surroundings(image: Image.Image, place: Place, size: int) -> tuple[Tensor, tuple[int, int, int, int]]:
    """The picture around a square, shrunk where it is finer than needed, and the box that it covers in the picture."""
    left, top, right, bottom = place.region(*image.size)
    left, top = min(max(0, left - 2), image.width - 1), min(max(0, top - 2), image.height - 1)
    box = (left, top, max(left + 1, min(image.width, right + 2)), max(top + 1, min(image.height, bottom + 2)))
    factor = min(1.0, _OVERSAMPLING * size / place.side)
    target = (max(1, round((box[2] - left) * factor)), max(1, round((box[3] - top) * factor)))
    return to_tensor(image.resize(target, Image.Resampling.BILINEAR, box=box, reducing_gap=3.0)), box
