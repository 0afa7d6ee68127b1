"""Random changes of training pictures, on the device and in batches."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from stargan_cli.device import send


@dataclass(frozen=True)
class Draws:
    """Random numbers for the pictures of a batch of `total`, of which only `rows` are at hand.

    They are drawn for the whole batch, so that a picture gets the same ones whoever holds the others.
    """

    generator: torch.Generator
    total: int
    rows: slice

    def uniform(self, *leading: int) -> Tensor:
        """In [0, 1), of shape (*leading, rows)."""
        return torch.rand(*leading, self.total, generator=self.generator)[..., self.rows]

    def normal_like(self, pictures: Tensor) -> Tensor:
        """Standard normal, of the pictures' shape; drawn on their device, seeded from here."""
        seed = int(torch.randint(2**62, (), generator=self.generator))
        there = torch.Generator(pictures.device).manual_seed(seed)
        shape = (self.total, *pictures.shape[1:])
        return torch.randn(shape, generator=there, device=pictures.device)[self.rows].to(pictures)


def flip(pictures: Tensor, draws: Draws) -> Tensor:
    """Mirror each picture of (N, 3, S, S) with probability 1/2."""
    mirrored = draws.uniform() < 0.5
    return torch.where(send(mirrored, pictures.device)[:, None, None, None], pictures.flip(3), pictures)


def jitter(pictures: Tensor, amount: float, draws: Draws) -> Tensor:
    """Shift each picture by up to `amount` of its side, scale it by up to 1 +- amount and turn it by up to amount / 2
    radians; what comes in from outside mirrors the border. Bilinear; differentiable."""
    shift_x, shift_y, scale, angle = send((draws.uniform(4) * 2 - 1) * amount, pictures.device)
    cos, sin = torch.cos(angle / 2) * (1 + scale), torch.sin(angle / 2) * (1 + scale)
    theta = torch.stack([cos, -sin, 2 * shift_x, sin, cos, 2 * shift_y], dim=1).view(len(pictures), 2, 3)
    return _sampled(pictures, theta)


def zoom(pictures: Tensor, amount: float, draws: Draws) -> Tensor:
    """Of each picture a square from anywhere in it, enlarged to the picture's size. Bilinear; differentiable.

    The square's side is 1 - amount to 1 of the picture's.
    """
    draw = draws.uniform(3)
    side = 1 - amount * draw[0]
    across, down = (1 - side) * (2 * draw[1:] - 1)
    none = torch.zeros_like(side)
    theta = torch.stack([side, none, across, none, side, down], dim=1).view(len(pictures), 2, 3)
    return _sampled(pictures, send(theta, pictures.device))


def mean_square(amount: float) -> tuple[float, float, float]:
    """Left, top and side, in fractions of the picture's side, of what `zoom` shows on average."""
    side = 1 - amount / 2
    return (1 - side) / 2, (1 - side) / 2, side


def noise(pictures: Tensor, amount: float, draws: Draws) -> Tensor:
    """Add normal noise with standard deviation `amount`."""
    return pictures + amount * draws.normal_like(pictures)


def _sampled(pictures: Tensor, theta: Tensor) -> Tensor:
    grid = F.affine_grid(theta, list(pictures.shape), align_corners=False).to(pictures.dtype)
    return F.grid_sample(pictures, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
