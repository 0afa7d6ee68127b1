"""How much a translation changes where it should, and where it should not. All in units of 1/255."""

from __future__ import annotations

import torch
from torch import Tensor


def absolute_change(before: Tensor, after: Tensor) -> Tensor:
    """uint8 pictures (N, 3, S, S) -> float (N, S, S): the mean over colours of how far each pixel moved."""
    return (after.float() - before.float()).abs().mean(dim=1)


def corner_change(before: Tensor, after: Tensor) -> Tensor:
    """(N,): the mean change in the two upper corners, an eighth of the side each: in a face crop, background."""
    size = max(1, before.shape[-1] // 8)
    moved = absolute_change(before, after)[:, :size]
    return torch.cat([moved[:, :, :size], moved[:, :, -size:]], dim=2).flatten(1).mean(dim=1)


def change_by_mask(before: Tensor, after: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """(N,) inside and (N,) outside an attention mask (N, 1, S, S) cut at 1/2; NaN where there is no such place."""
    moved, inside = absolute_change(before, after), (mask[:, 0] > 0.5).float()
    outside = 1 - inside
    return tuple((moved * where).sum(dim=(1, 2)) / where.sum(dim=(1, 2)) for where in (inside, outside))  # type: ignore[return-value]
