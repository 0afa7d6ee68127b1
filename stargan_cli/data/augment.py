"""Random changes of training pictures, on the device and in batches."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def flip(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror each picture of (N, 3, S, S) with probability 1/2."""
    mirrored = torch.rand(len(pictures), generator=generator) < 0.5
    return torch.where(mirrored.to(pictures.device)[:, None, None, None], pictures.flip(3), pictures)


def jitter(pictures: Tensor, amount: float, generator: torch.Generator) -> Tensor:
    """Shift each picture by up to `amount` of its side, scale it by up to 1 +- amount and turn it by up to amount / 2
    radians; what comes in from outside mirrors the border. Bilinear; differentiable."""
    n = len(pictures)
    shift_x, shift_y, scale, angle = ((torch.rand(4, n, generator=generator) * 2 - 1) * amount).to(pictures.device)
    cos, sin = torch.cos(angle / 2) * (1 + scale), torch.sin(angle / 2) * (1 + scale)
    theta = torch.stack([cos, -sin, 2 * shift_x, sin, cos, 2 * shift_y], dim=1).view(n, 2, 3)
    grid = F.affine_grid(theta, list(pictures.shape), align_corners=False).to(pictures.dtype)
    return F.grid_sample(pictures, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def noise(pictures: Tensor, amount: float, generator: torch.Generator) -> Tensor:
    """Add normal noise with standard deviation `amount`. It is drawn on the pictures' device, seeded by `generator`."""
    seed = int(torch.randint(2**62, (), generator=generator))
    there = torch.Generator(pictures.device).manual_seed(seed)
    return pictures + amount * torch.randn(pictures.shape, generator=there, device=pictures.device).to(pictures)
