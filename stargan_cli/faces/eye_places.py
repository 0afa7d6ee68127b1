"""Measure how the faces lie in a set of pictures: the places of their eyes in the centred squares."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median

import torch

from stargan_cli.compositing.placement import centred
from stargan_cli.datasets.labelled import evenly
from stargan_cli.errors import PictureError
from stargan_cli.faces.asking import answered
from stargan_cli.faces.canvases import FOUND_AT
from stargan_cli.faces.finding import LANDMARKS, NEAR, exact, find_faces
from stargan_cli.faces.networks import FaceNetworks
from stargan_cli.pictures.reading import read_picture

LOOKED_AT = 32  # pictures: enough for a median within 1 % of the side
FEWEST_FACES = 0.5  # of these must show a face
SPREAD = NEAR / 2  # of the side: the largest median distance between aligned faces' eyes and the eyes' median

EyePlaces = dict[str, list[float]]


def measured_landmarks(paths: Sequence[Path]) -> EyePlaces:
    """Return `left_eye` and `right_eye` -> [x, y] as fractions of the square's side, as in a weights card.

    Measured on LOOKED_AT pictures at most, taken evenly. Empty if too few show a face, or if the faces are not aligned.
    """
    networks = FaceNetworks(torch.device("cpu"))
    some = [paths[row] for row in evenly(len(paths), LOOKED_AT)]
    eyes = [found for path in some if (found := _eyes(path, networks))]
    if not eyes or len(eyes) < FEWEST_FACES * len(some):
        return {}
    landmarks = {}
    for name, points in zip(LANDMARKS, zip(*eyes, strict=True), strict=False):
        middle = complex(median(point.real for point in points), median(point.imag for point in points))
        if median(abs(point - middle) for point in points) > SPREAD:
            return {}
        landmarks[name] = [round(middle.real, 3), round(middle.imag, 3)]
    return landmarks


def alike(one: EyePlaces, other: EyePlaces) -> bool:
    """Whether two measurements place the eyes alike (within NEAR of the side)."""
    return one.keys() == other.keys() and all(abs(complex(*one[name]) - complex(*other[name])) <= NEAR for name in one)


def _eyes(path: Path, networks: FaceNetworks) -> tuple[complex, complex] | None:
    """Return the eyes of the largest face, as points of the centred unit square; None if there is no face."""
    try:
        image = read_picture(path).image
    except PictureError:
        return None
    faces = answered(find_faces(image, FOUND_AT), networks.answer)
    if not faces:
        return None
    (face,) = answered(exact(image, faces[:1]), networks.answer)
    square = centred(*image.size)
    left, right = (square.to_unit(point) for point in face.points[:2])
    return left, right
