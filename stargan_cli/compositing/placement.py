"""Squares in a picture, at any turn and scale."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_ROUNDING = 1e-6


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

    def box(self, width: int, height: int) -> tuple[float, float, float, float]:
        """The part of a picture that holds the square: left, top, right, bottom in pixels; may be empty."""
        xs, ys = (sorted(c.real for c in self.corners), sorted(c.imag for c in self.corners))
        (left, right), (top, bottom) = (
            [min(max(0.0, end), length) for end in (ends[0], ends[-1])] for ends, length in ((xs, width), (ys, height))
        )
        return left, top, right, bottom

    def region(self, width: int, height: int) -> tuple[int, int, int, int]:
        """`box` in whole pixels, rounded outwards."""
        left, top, right, bottom = self.box(width, height)
        return math.floor(left), math.floor(top), math.ceil(right), math.ceil(bottom)

    def fades(self, width: int, height: int) -> tuple[bool, bool, bool, bool]:
        """Whether a change fades towards the square's left, top, right, bottom: not where that side lies on the
        picture's border or beyond it."""
        corners = self.corners

        def beyond(first: complex, second: complex) -> bool:
            return (
                max(first.real, second.real) <= 1
                or max(first.imag, second.imag) <= 1
                or min(first.real, second.real) >= width - 1
                or min(first.imag, second.imag) >= height - 1
            )

        left, top, right, bottom = (not beyond(corners[a], corners[b]) for a, b in ((3, 0), (0, 1), (1, 2), (2, 3)))
        return left, top, right, bottom


class Laying(NamedTuple):
    """How to align the maps of K squares with their pictures.

    `matrices` float32 (K, 2, 3) map points of `Place.box` to points of the square, both in -1..1. A square that is not
    turned and lies within its picture is straight: its matrix is the identity (1, 0, 0; 0, 1, 0).
    `fades` float32 (K, 4): 1 for sides towards which the change fades, else 0.
    """

    matrices: NDArray[np.float32]
    fades: NDArray[np.float32]

    @classmethod
    def of(cls, places: Sequence[Place], width: int, height: int) -> Laying:
        matrices = [_to_square(place, place.box(width, height)) for place in places]
        fades = [place.fades(width, height) for place in places]
        return cls(np.array(matrices, np.float32).reshape(-1, 2, 3), np.array(fades, np.float32).reshape(-1, 4))

    @classmethod
    def joined(cls, layings: Sequence[Laying]) -> Laying:
        """Return the laying of all their squares, in order."""
        return cls(*(np.concatenate(parts) for parts in zip(*layings, strict=True)))

    @property
    def straight(self) -> bool:
        """Whether all squares are straight: not turned, and within their pictures."""
        return bool((self.matrices == np.eye(2, 3)).all())

    @property
    def needed(self) -> tuple[NDArray[np.float32], ...]:
        """The last arguments of `laying.laid`: `fades`, and `matrices` unless all squares are straight."""
        return (self.fades,) if self.straight else (self.fades, self.matrices)


def _to_square(place: Place, box: tuple[float, float, float, float]) -> NDArray[np.float64]:
    left, top, right, bottom = box
    across, down = (right - left) / place.span, 1j * (bottom - top) / place.span
    middle = 2 * place.to_unit(complex(left, top)) + across + down - (1 + 1j)
    matrix = np.array([[across.real, down.real, middle.real], [across.imag, down.imag, middle.imag]])
    return np.eye(2, 3) if np.abs(matrix - np.eye(2, 3)).max() < _ROUNDING else matrix


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
        raise ValueError("fitting a square needs at least two different places")
    pairs = zip(points, places, strict=True)
    span = sum((place - mean_place).conjugate() * (point - mean_point) for point, place in pairs) / spread
    return Place(mean_point - span * mean_place, span)


def places_of(landmarks: Mapping[str, Sequence[float]], names: Sequence[str]) -> dict[str, complex]:
    """The landmarks of a weights card named in `names`, as points of the unit square."""
    return {name: complex(*landmarks[name]) for name in names if name in landmarks}
