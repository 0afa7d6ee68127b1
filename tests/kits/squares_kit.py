"""Model squares and target labels at random, the same each time."""

from __future__ import annotations

import torch
from torch import Tensor

CPU = torch.device("cpu")


def squares(count: int) -> Tensor:
    return torch.randint(0, 256, (count, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(5))


def labels(count: int, passes: int = 1) -> Tensor:
    return torch.rand(count, passes, 5, generator=torch.Generator().manual_seed(6)).round()
