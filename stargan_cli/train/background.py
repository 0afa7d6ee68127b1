"""Where a picture's background is: what no edge divides from the border above and beside what it shows.

How far a place is from that border is the least sum of squared steps of colour on a way there (a geodesic distance, as
in Bai & Sapiro, IJCV 2009). A plain wall is near from end to end. What stands before it is far.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from stargan_cli.compositing.maps import smooth

SIDE = 64  # px: the size at which the background is looked for
BESIDE = 0.5  # of the height: how far down from the top the border at the sides counts
NEAR, FAR = 100.0, 300.0  # squared levels of 255: background up to here, and none from there on
ROUNDS = 3  # a way has at most as many stretches in each of the four directions


@torch.no_grad()
def background(pictures: Tensor) -> Tensor:
    """Pictures (N, 3, S, S) in [-1, 1] -> how surely each place is background, float32 (N, 1, S, S) in [0, 1]."""
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


def _along(distance: Tensor, way: Tensor, dim: int) -> Tensor:
    """Distances (N, H, W), and those over places of the same line, where these are less. `way` is how long the way to
    each place is from the beginning of its line."""
    onwards = torch.cummin(distance - way, dim).values + way
    back = torch.cummin((distance + way).flip(dim), dim).values.flip(dim) - way
    return torch.minimum(onwards, back)
