"""The detector's candidates on canvases -> the faces of the picture, each once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stargan_cli.faces.canvases import Canvas
from stargan_cli.pictures.arrays import Floats

THRESHOLD, OVERLAP = 0.6, 0.3


@dataclass(frozen=True)
class Face:
    """A face in a picture. `points`: the five LANDMARKS, x + iy (px); `height` of its box (px); `score` (0..1)."""

    points: tuple[complex, ...]
    height: float
    score: float


def faces_on(canvases: Sequence[Canvas], turns: int, answer: Floats) -> list[Face]:
    """Return the faces of a picture, in its pixels, best score first. `answer` is the detector's for its canvases,
    turned anticlockwise by `turns` quarter turns."""
    scores, boxes, points = [], [], []
    for canvas, rows in zip(canvases, answer, strict=True):
        score, box, found = turned_back(rows[rows[:, 0] >= THRESHOLD], turns, canvas.pixels.shape[-1])
        middle = (box[:, :2] + box[:, 2:]) / 2
        (left, right), (top, bottom) = canvas.across, canvas.down
        x, y = middle[:, 0], middle[:, 1]
        own = (left <= x) & (x < right) & (top <= y) & (y < bottom)
        scores.append(score[own])
        boxes.append((box[own] + (*canvas.origin, *canvas.origin)) * (*canvas.factors, *canvas.factors))
        points.append((found[own] + canvas.origin) * canvas.factors)
    score, box, found = np.concatenate(scores), np.concatenate(boxes), np.concatenate(points)
    return [_face(score[index], box[index], found[index]) for index in best_apart(box, score, OVERLAP)]


def _face(score: float, box: Floats, points: Floats) -> Face:
    return Face(tuple(complex(x, y) for x, y in points.tolist()), float(box[3] - box[1]), float(score))


def turned_back(rows: Floats, turns: int, side: int) -> tuple[Floats, Floats, Floats]:
    """Return scores (K,), boxes (K, 4) and points (K, 5, 2) in a square of `side` px, from the candidates (K, 15) in
    the same square turned anticlockwise by `turns` quarter turns."""
    marks = rows[:, 1:].reshape(-1, 7, 2)
    if turns:
        x, y = marks[..., 0], marks[..., 1]
        marks = np.stack([(side - y, x), (side - x, side - y), (y, side - x)][turns - 1], axis=-1)
    corners = marks[:, :2]
    box = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
    return rows[:, 0], box, marks[:, 2:]


def best_apart(boxes: Floats, scores: Floats, overlap: float) -> list[int]:
    """Non-maximum suppression: indices of `boxes` (N, 4: left, top, right, bottom), best score first, without those
    that overlap a better one by more than `overlap` (intersection over union).

    torchvision has this too, but importing it takes longer than all the rest of a one-picture run.
    """
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    waiting, kept = np.argsort(-scores, kind="stable"), []
    while len(waiting):
        best, waiting = int(waiting[0]), waiting[1:]
        kept.append(best)
        corner = np.maximum(boxes[best, :2], boxes[waiting, :2])
        opposite = np.minimum(boxes[best, 2:], boxes[waiting, 2:])
        shared = np.maximum(opposite - corner, 0).prod(axis=1)
        waiting = waiting[shared <= overlap * (areas[best] + areas[waiting] - shared)]
    return kept
