"""The formulas of `compositing`, written plainly: one whole picture at full size, by torch's own operations."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from stargan_cli.compositing.placement import Place

FINEST = 4


def plain_paste(image: Image.Image, place: Place, seen: Tensor, add: Tensor, keep: Tensor) -> np.ndarray:
    """The changed picture, float (H, W, 3) in [0, 255]. The longer fade of changes that go on beyond the square's
    border is not implemented: changes must end within the square."""
    guide = seen.double() / 127.5 - 1
    mask = (1 - keep.double()).clamp(0, 1)
    difference = add.double() - mask * guide
    slope, offset, strong = _guided(guide, mask)
    near, far = (-F.max_pool2d(-mask, 2 * reach + 1, 1, reach) for reach in (1, 3))
    around = F.max_pool2d(strong, 9, 1, 4)
    low = around * far + (1 - around) * near
    high = torch.maximum(_window(mask**2) / _window(mask).clamp_min(1e-4), mask)
    own = _s_curve(mask / (0.3 * high).clamp_min(1e-3))
    around = _window(difference * mask) / _window(mask**2).clamp_min(1e-6)
    colour = own * difference / mask.clamp_min(1e-3) + (1 - own) * around
    maps = torch.cat([colour.clamp(-2, 2), slope, offset, low, high, guide])[None]
    finer = min(FINEST, max(1, round(place.side / seen.shape[-1])))
    maps = F.interpolate(maps, scale_factor=finer, mode="bicubic") if finer > 1 else maps
    grid = _grid(place, image.size)
    colour, slope, offset, low, high, small = F.grid_sample(
        maps, 2 * grid[None] - 1, "bilinear", "border", align_corners=False
    )[0].split([3, 3, 1, 1, 1, 3])
    x = torch.from_numpy(np.asarray(image).transpose(2, 0, 1).copy()).double() / 127.5 - 1
    fine = x - small
    energy = (fine**2).mean(dim=0, keepdim=True)
    edges = small + fine * energy / (energy + 0.1**2)
    high = high.clamp_min(1e-3)
    steps = ((slope * edges).sum(dim=0, keepdim=True) + offset) / high
    mask = torch.maximum(high * _s_curve(_s_curve(steps)), low)
    step = mask * _fade(grid) * colour
    gain = (1 + _luma(step) / (_luma(small) + 1.15)).clamp(1, 1.6).sqrt() - 1
    after = (x + step + gain * fine + 1) * 127.5
    return after.clamp(0, 255).permute(1, 2, 0).numpy()


def _guided(guide: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    mean = _window(guide)
    covariance = torch.stack([_window(guide * one) for one in guide]) - mean[:, None] * mean[None]
    strong = _s_curve((covariance.diagonal().sum(dim=-1)[None] - 0.2) / 0.4)
    least = -F.max_pool2d(-mask, 7, 1, 3)
    thin = mask - F.max_pool2d(least, 7, 1, 3)
    values = strong * (least + thin) + (1 - strong) * mask
    mean_values = _window(values)
    matrix = covariance.permute(2, 3, 0, 1) + 0.01 * torch.eye(3)
    right = _window(guide * values) - mean * mean_values
    slope = torch.linalg.solve(matrix, right.permute(1, 2, 0)).permute(2, 0, 1)
    offset = mean_values - (slope * mean).sum(dim=0, keepdim=True)
    return _window(slope * (1 + strong)), _window(offset * (1 + strong)), strong


def _window(maps: Tensor) -> Tensor:
    return F.avg_pool2d(maps, 9, 1, 4, count_include_pad=False)


def _s_curve(steps: Tensor) -> Tensor:
    steps = steps.clamp(0, 1)
    return steps**2 * (3 - 2 * steps)


def _grid(place: Place, size: tuple[int, int]) -> Tensor:
    y, x = np.mgrid[: size[1], : size[0]] + 0.5
    at = (x + 1j * y - place.origin) / place.span
    return torch.from_numpy(np.stack([at.real, at.imag], axis=-1))


def _fade(grid: Tensor) -> Tensor:
    return _s_curve(torch.minimum(grid, 1 - grid) / 0.1).prod(dim=-1)


def _luma(colours: Tensor) -> Tensor:
    return (colours * colours.new_tensor([0.299, 0.587, 0.114])[:, None, None]).sum(dim=0, keepdim=True)
