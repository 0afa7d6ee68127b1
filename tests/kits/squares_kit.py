"""Model squares and target labels at random, the same each time."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from stargan_cli.compositing.change import changes_of

CPU = torch.device("cpu")


def squares(count: int) -> Tensor:
    return torch.randint(0, 256, (count, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(5))


def labels(count: int, passes: int = 1) -> Tensor:
    return torch.rand(count, passes, 5, generator=torch.Generator().manual_seed(6)).round()


def maps_of(seen: np.ndarray, add: Tensor, keep: Tensor | None = None) -> np.ndarray:
    """The maps of one square, uint8 (3, S, S), of which `add` and `keep` make another."""
    changes = changes_of(torch.from_numpy(seen)[None], add[None], None if keep is None else keep[None])
    return changes[0].numpy()
