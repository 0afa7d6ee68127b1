"""Find the faces in a picture, read their landmarks, and place the squares that the weights expect around them.

`find_faces` and `exact` are searches (see `asking`): they yield questions to the networks, and load none.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from stargan_cli.compositing.cutting import cut
from stargan_cli.compositing.placement import Place, centred, fitted, places_of
from stargan_cli.faces.asking import FaceQuestion, Search
from stargan_cli.faces.candidates import THRESHOLD, Face, faces_on, turned_back
from stargan_cli.faces.canvases import canvases, finer_scales, scales_of

LANDMARKS = ("left_eye", "right_eye", "nose", "left_mouth", "right_mouth")
"""The points found on each face; left and right as seen in the picture."""

DEFAULT_MIN_FACE = 48
LOOK = 128  # px: a view of twice the face's height, to find out which way up it is
UPRIGHT = 0.915  # the score of a face that is turned by less than about 25 degrees
CLOSE = 112  # px: the view that the landmarks are read from
CLOSE_UP = (0.32 + 0.3j, 0.68 + 0.3j)  # where the eyes lie in that view, as fractions of its side
MOST_LOOKS, SETTLED = 5, 0.15  # landmarks are read at most so often, until they move by less than this (eye distances)
AROUND, ENOUGH = 3, 256  # side of a face's surroundings, in face heights; shrinking leaves a face at least so high (px)
NEAR = 0.05  # of the square's side: a face out of place by no more than this ...
ALIKE = 0.12  # ... and larger, smaller or turned by no more than this is not moved: training pictures vary as much
APART = 0.01  # of the square's side: landmarks closer together than this do not say where a face lies


def find_faces(image: Image.Image, min_face: int = DEFAULT_MIN_FACE) -> Search[list[Face]]:
    """All faces of an upright RGB picture that are at least `min_face` px high, the largest first.

    If no upright face is found, the picture is searched again on its sides and upside down, then in all four turns at a
    finer scale: faces turned by 45 degrees score lower. The landmarks are the detector's, up to a third of the eye
    distance off: see `exact`.
    """
    scales = scales_of(image.size, min_face)
    for searched in (scales, finer_scales(image.size, scales)):
        laid_out = canvases(image, searched) if searched else []
        for turns in range(4 if laid_out else 0):
            pixels = np.stack([np.rot90(canvas.pixels, turns, (1, 2)) for canvas in laid_out])
            answer = yield FaceQuestion("detector", pixels)
            large = [face for face in faces_on(laid_out, turns, answer) if face.height >= min_face]
            if large:
                return sorted(large, key=lambda face: (-face.height, face.points[0].real, face.points[0].imag))
    return []


def exact(image: Image.Image, faces: Sequence[Face]) -> Search[list[Face]]:
    """Return the same faces with their landmarks read again from close up: within about 4 % of the eye distance."""
    close = [_Close.of(image, face) for face in faces]
    upright = yield from _upright(close, faces)
    points = [list(face.points) for face in upright]
    moving = list(range(len(faces)))
    for _ in range(MOST_LOOKS if faces else 0):
        places = [fitted(points[index][:2], CLOSE_UP) for index in moving]
        pixels = [close[index].cut(place, CLOSE) for index, place in zip(moving, places, strict=True)]
        answer = yield FaceQuestion("landmarks", np.stack(pixels))
        still = []
        for index, place, found in zip(moving, places, answer, strict=True):
            before = points[index]
            points[index] = [place.origin + place.span * complex(x, y) for x, y in found.tolist()]
            moved = max(abs(a - b) for a, b in zip(before, points[index], strict=True))
            if moved >= SETTLED * abs(points[index][1] - points[index][0]):
                still.append(index)
        moving = still
        if not moving:
            break
    return [replace(face, points=tuple(own)) for face, own in zip(faces, points, strict=True)]


class _Close(NamedTuple):
    """The surroundings of a face, shrunk if it is larger than needed: `factor` px of the picture become one."""

    image: Image.Image
    origin: complex
    factor: int

    @classmethod
    def of(cls, image: Image.Image, face: Face) -> _Close:
        factor = int(face.height // ENOUGH)
        if factor < 2:
            return cls(image, 0j, 1)
        middle, reach = sum(face.points) / len(face.points), AROUND / 2 * face.height
        start = middle - complex(reach, reach)
        left, top, right, bottom = Place(start, complex(2 * reach)).region(*image.size)
        return cls(image.reduce(factor, (left, top, right, bottom)), complex(left, top), factor)

    def cut(self, place: Place, size: int) -> np.ndarray:
        """The pixels in `place`, a square of the whole picture: uint8 (3, size, size)."""
        return cut(self.image, Place((place.origin - self.origin) / self.factor, place.span / self.factor), size)


def _upright(close: Sequence[_Close], faces: Sequence[Face]) -> Search[list[Face]]:
    """Return the same faces in the quarter turn with the best score. The detector also finds faces on their side or
    upside down, but then takes their landmarks for those of an upright face. Faces turned by 45 degrees score alike in
    two quarter turns: if the best score is low, the four diagonals are tried too."""
    best = list(faces)
    for eighths in range(2):
        unsure = [index for index, face in enumerate(best) if face.score < UPRIGHT]
        if not unsure:
            break
        places = [_around(faces[index], eighths) for index in unsure]
        pixels = [close[index].cut(place, LOOK) for index, place in zip(unsure, places, strict=True)]
        views = [np.rot90(one, turns, (1, 2)) for one in pixels for turns in range(4)]
        answer = yield FaceQuestion("detector", np.stack(views))
        for index, place, seen in zip(unsure, places, answer.reshape(len(unsure), 4, *answer.shape[1:]), strict=True):
            found = _seen_best(faces[index], place, seen)
            if eighths == 0 or found.score > best[index].score:
                best[index] = found
    return best


def _around(face: Face, eighths: int) -> Place:
    """Return a square around a face, twice as high, turned by so many eighths of a turn."""
    span = 2 * face.height * cmath.rect(1, eighths * math.pi / 4)
    return Place(sum(face.points) / len(face.points) - span * (0.5 + 0.5j), span)


def _seen_best(face: Face, place: Place, seen: np.ndarray) -> Face:
    """Return a face as the best of its views in four quarter turns, (4, K, 15), shows it; score 0 if none does."""
    turns = int(seen[:, 0, 0].argmax())
    score, _, points = turned_back(seen[turns, :1], turns, LOOK)
    if score[0] < THRESHOLD:
        return replace(face, score=0.0)
    found = [place.origin + place.span * complex(x, y) / LOOK for x, y in points[0].tolist()]
    return replace(face, points=tuple(found), score=float(score[0]))


def landmarks_of(preprocessing: Mapping[str, Any]) -> Mapping[str, Sequence[float]] | None:
    """Where weights expect a face, by the `preprocessing` of their card: name -> [x, y], as fractions of the square's
    side. None unless two of LANDMARKS lie at least APART from each other."""
    landmarks: Mapping[str, Sequence[float]] = preprocessing.get("landmarks", {})
    pairs = combinations(places_of(landmarks, LANDMARKS).values(), 2)
    return landmarks if any(abs(one - other) >= APART for one, other in pairs) else None


def place_of(face: Face, landmarks: Mapping[str, Sequence[float]]) -> Place:
    """The square in which the face lies as in the training pictures.

    `landmarks`: name -> [x, y] as fractions of the side, as in a weights card; those of LANDMARKS are used.
    """
    places = places_of(landmarks, LANDMARKS)
    return fitted([face.points[LANDMARKS.index(name)] for name in places], list(places.values()))


def is_crop(face: Face, size: tuple[int, int], landmarks: Mapping[str, Sequence[float]]) -> bool:
    """Whether the face already lies as in the training pictures in the centred square of a picture of `size`."""
    square, place = centred(*size), place_of(face, landmarks)
    middle = 0.5 + 0.5j
    moved = abs(square.to_unit(place.origin + place.span * middle) - middle)
    return moved <= NEAR and abs(place.span / square.span - 1) <= ALIKE
