"""Find a picture's background: the part that no edge divides from the top border and the upper half of the sides.

A pixel's distance from these borders is the least sum of squared colour steps on a path to it (a geodesic distance, as
in Bai & Sapiro, IJCV 2009). All of a plain wall is near. What is in front of it is far.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from stargan_cli.compositing.maps import smooth

SIDE = 64  # px: pictures are reduced to this size
BESIDE = 0.5  # of the height, from the top: the part of the side borders that counts
NEAR, FAR = 100.0, 300.0  # squared levels of 255: surely background up to NEAR, surely none from FAR on
ROUNDS = 3  # a path has at most so many stretches in each of the four directions


@torch.no_grad()
def background(pictures: Tensor) -> Tensor:
    """Pictures (N, 3, S, S) in [-1, 1] -> a mask, 1 on the background, float32 (N, 1, S, S) in [0, 1]."""
    small = F.adaptive_avg_pool2d(pictures.float() * 127.5, SIDE)
    across = F.pad((small[..., 1:] - small[..., :-1]).square().mean(dim=1).cumsum(dim=2), (1, 0))
    down = F.pad((small[..., 1:, :] - small[..., :-1, :]).square().mean(dim=1).cumsum(dim=1), (0, 0, 1, 0))
    distance = torch.full_like(across, FAR)
    distance[:, 0] = 0
    distance[:, : int(BESIDE * SIDE), :: SIDE - 1] = 0
    for _ in range(ROUNDS):
        distance = _along(_along(distance, across, 2), down, 1)
    sure = smooth((FAR - distance) / (FAR - NEAR))
    return F.interpolate(sure[:, None], pictures.shape[2:], mode="bilinear")


def _along(distance: Tensor, length: Tensor, dim: int) -> Tensor:
    """Distances (N, H, W), shortened by straight paths along `dim`. `length` (N, H, W) is that of the path from the
    beginning of its line to each pixel."""
    onwards = torch.cummin(distance - length, dim).values + length
    back = torch.cummin((distance + length).flip(dim), dim).values.flip(dim) - length
    return torch.minimum(onwards, back)
