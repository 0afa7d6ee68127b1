"""Faces in a picture: found, their landmarks read, and the square that lays them out as the weights expect."""

from __future__ import annotations

import cmath
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from stargan_cli.compositing.placement import Place, centred, cut, fitted, places_of
from stargan_cli.faces import yunet
from stargan_cli.faces.landmarks import SIZE, read_landmarks
from stargan_cli.faces.yunet import Floats, best_apart
from stargan_cli.pictures.arrays import to_array

LANDMARKS = ("left_eye", "right_eye", "nose", "left_mouth", "right_mouth")
"""What is found of each face; left and right as seen in the picture."""

DEFAULT_MIN_FACE = 48
THRESHOLD, OVERLAP = 0.6, 0.3
FOUND_AT = 16  # px: a face this high is still found surely
COARSE, FINEST = 512, 1920  # px: the longer side that every picture is searched at, at least and at most
FINER = 2  # times as fine: the last search, of pictures without a face by then
PYRAMID_STEP = 4  # the detector's range is 10 to 300 px, so steps of four leave no gap
LOOK = 128  # px: what is around a face, of twice its height, to see which way up it is
UPRIGHT = 0.915  # the score of a face that is turned by less than some 25 degrees
MOST_LOOKS, SETTLED = 4, 0.05  # landmarks are read again until they move by less than this, in eye distances
CLOSE_UP = (0.32 + 0.3j, 0.68 + 0.3j)  # where the eyes lie when the landmarks are read again, upright
NEAR = 0.05  # of the square's side: a face this little out of place ...
ALIKE = 0.12  # ... and this little larger, smaller or turned needs no moving: training pictures vary as much


@dataclass(frozen=True)
class Face:
    """`points`: where the five LANDMARKS are, x + iy in pixels; `height` of the face's box in pixels."""

    points: tuple[complex, ...]
    height: float
    score: float


def find_faces(image: Image.Image, min_face: int = DEFAULT_MIN_FACE) -> list[Face]:
    """All faces of an upright RGB picture that are at least `min_face` px high, the largest first.

    A picture in which no upright face is found is searched again on its sides and on its head, and then all of this
    at a finer scale: a face that is turned by half a quarter turn is found less surely. The landmarks are the
    detector's, up to a third of the eye distance off: see `exact`.
    """
    scales = _scales(max(image.size), min_face)
    finer = min(1.0, FINER * scales[0], FINEST / max(image.size))
    for searched in (scales, [finer] if finer > scales[0] else []):
        small = _shrunk(image, searched)
        for turns in range(4 if small else 0):
            faces = _search([(torch.rot90(pixels, turns, (1, 2)), factor) for pixels, factor in small])
            faces = [_turned_back(face, turns, image.size) for face in faces]
            large = [face for face in faces if face.height >= min_face]
            if large:
                return sorted(large, key=lambda face: (-face.height, face.points[0].real, face.points[0].imag))
    return []


def _scales(longer: int, min_face: int) -> list[float]:
    """The finest scale finds the smallest faces that are asked for, the next ones those too large for it."""
    finest = min(1.0, max(COARSE / longer, min(FOUND_AT / min_face, FINEST / longer)))
    scales = [finest]
    while longer * scales[-1] > COARSE:
        scales.append(scales[-1] / PYRAMID_STEP)
    return scales


def _shrunk(image: Image.Image, scales: Sequence[float]) -> list[tuple[Tensor, tuple[float, float]]]:
    """For each scale, the finest first, uint8 (3, h, w) and the factors that bring its x and y back to the picture."""
    found, small = [], image
    for scale in scales:
        width, height = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        small = small.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=1.5)
        found.append((torch.from_numpy(to_array(small)), (image.width / width, image.height / height)))
    return found


def _search(pictures: Sequence[tuple[Tensor, tuple[float, float]]]) -> list[Face]:
    """Faces found in versions of one picture, in pixels of its full size, freed of doubles."""
    return _freed([(yunet.candidates(pixels, THRESHOLD), factors) for pixels, factors in pictures])


def _freed(candidates: Sequence[tuple[yunet.Candidates, tuple[float, float]]]) -> list[Face]:
    """Each face once, the surest first; the factors bring x and y back to the full-size picture."""
    scores, boxes, points = [], [], []
    for found, factors in candidates:
        # after a quarter turn x and y have changed places; so have their factors, which differ by rounding alone
        scores.append(found.scores)
        boxes.append(found.boxes * (*factors, *factors))
        points.append(found.points * factors)
    score, box, point = np.concatenate(scores), np.concatenate(boxes), np.concatenate(points)
    return [_face(score[index], box[index], point[index]) for index in best_apart(box, score, OVERLAP)]


def _face(score: float, box: Floats, points: Floats) -> Face:
    return Face(tuple(complex(x, y) for x, y in points.tolist()), float(box[3] - box[1]), float(score))


def _turned_back(face: Face, turns: int, size: tuple[int, int]) -> Face:
    """A face of the picture turned anticlockwise by quarter turns -> in the picture as it is."""
    width, height = size
    corner = (0, width, complex(width, height), height * 1j)[turns]
    return Face(tuple(corner + 1j**turns * point for point in face.points), face.height, face.score)


def exact(image: Image.Image, face: Face) -> Face:
    """The same face with its landmarks read again from close up: within some 4 % of the eye distance."""
    points = _upright(image, face).points
    for _ in range(MOST_LOOKS):
        before = points
        points = _seen_from_close(image, points, mirrored=False)
        if max(abs(a - b) for a, b in zip(points, before, strict=True)) < SETTLED * abs(points[1] - points[0]):
            break
    return replace(face, points=_seen_from_close(image, points, mirrored=True))


def _seen_from_close(image: Image.Image, points: tuple[complex, ...], mirrored: bool) -> tuple[complex, ...]:
    """The landmarks, given where they are about."""
    place = fitted(points[:2], CLOSE_UP)
    found = read_landmarks(torch.from_numpy(cut(image, place, SIZE)), mirrored)
    return tuple(place.origin + place.span * found[name] for name in LANDMARKS)


def _upright(image: Image.Image, face: Face) -> Face:
    """The same face as the detector sees it best, in one of four quarter turns: it also finds faces that lie on their
    side or stand on their head, but then takes their landmarks for those of an upright face. Half-way between two
    quarter turns both are as likely: where the best is not sure, the four diagonals are looked at too."""
    best = _seen_best(image, face, 0)
    if best.score < UPRIGHT:
        best = max(best, _seen_best(image, face, 1), key=lambda seen: seen.score)
    return best


def _seen_best(image: Image.Image, face: Face, eighths: int) -> Face:
    """The same face as it is seen best in four quarter turns, begun at so many eighths of a turn; with a score of 0
    where it is not seen at all."""
    span = 2 * face.height * cmath.rect(1, eighths * math.pi / 4)
    place = Place(sum(face.points) / len(face.points) - span * (0.5 + 0.5j), span)
    pixels = torch.from_numpy(cut(image, place, LOOK))
    views = torch.stack([torch.rot90(pixels, turns, (1, 2)) for turns in range(4)])
    best = replace(face, score=0.0)
    for turns, found in enumerate(yunet.candidates_of_each(views, THRESHOLD)):
        for seen in _freed([(found, (1.0, 1.0))])[:1]:
            if seen.score > best.score:
                back = _turned_back(seen, turns, (LOOK, LOOK))
                points = tuple(place.origin + place.span * point / LOOK for point in back.points)
                best = replace(face, points=points, score=seen.score)
    return best


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
