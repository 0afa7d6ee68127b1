"""Of boxes that lie over one another, the best."""

from __future__ import annotations

import torch
from torch import Tensor


def best_apart(boxes: Tensor, scores: Tensor, overlap: float) -> list[int]:
    """Indices of `boxes` (N, 4: left, top, right, bottom), best score first, without those of which a better one that
    is kept covers more than `overlap` (intersection over union).

    torchvision has this too, but importing it takes longer than all the rest of a one-picture run.
    """
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(dim=1)
    waiting, kept = scores.argsort(descending=True, stable=True), []
    while len(waiting):
        best, waiting = int(waiting[0]), waiting[1:]
        kept.append(best)
        corner = torch.maximum(boxes[best, :2], boxes[waiting, :2])
        opposite = torch.minimum(boxes[best, 2:], boxes[waiting, 2:])
        shared = (opposite - corner).clamp(min=0).prod(dim=1)
        waiting = waiting[shared <= overlap * (areas[best] + areas[waiting] - shared)]
    return kept
