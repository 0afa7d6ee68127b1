"""Of boxes that lie over one another, the best."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def best_apart(boxes: Floats, scores: Floats, overlap: float) -> list[int]:
    """Indices of `boxes` (N, 4: left, top, right, bottom), best score first, without those of which a better one that
    is kept covers more than `overlap` (intersection over union).

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
