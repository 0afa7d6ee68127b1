"""A change made in a small square -> the same change in the full-size picture, which keeps its detail.

The change's colours are enlarged, and so is what makes its mask of the full-size picture's colours (see `change`).
What is added to the picture is their product, so that every strand and pore stays. Two things more keep them as clear
as they were: the mask follows edges, but not what is finer and fainter, or it would flatten that; and where the change
makes a place lighter, its fine detail gets stronger, as it does when more light falls on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from stargan_cli.compositing.change import Change, Sides, smooth
from stargan_cli.compositing.placement import Place
from stargan_cli.pictures.native_pixels import Stored
from stargan_cli.pictures.tensors import lightness, to_model

FEATHER = 0.1  # of the side: how far from the border of the square the change is whole
FINEST = 4  # enlarged in curves as far as this, from there on in straight lines
STRIP = 1 << 18  # pixels at once: bounds the memory
TEXTURE = 0.1  # in [-1, 1]: fainter fine detail is no edge to the mask
DARKEST = 0.15  # in [-1, 1], above black: lightness is reckoned from here, so that noise in black is not raised
MOST_GAIN, GAIN_SHARE = 1.6, 0.5  # of a lighter place's fine detail: at most, and the exponent on its lightness


def paste(
    image: Image.Image, place: Place, change: Change, others: Sequence[Place] = (), stored: Stored | None = None
) -> None:
    """Make a change in a square of an RGB picture, in place. It fades towards the square's border, except where that
    is the picture's own, and towards the middles of `others`; pixels outside are untouched. `stored`, the same picture
    in its file's own numbers, is changed alike."""
    left, top, right, bottom = place.region(*image.size)
    if right <= left or bottom <= top:
        return
    fades = _fading_sides(place, image.size)
    maps, small = torch.cat(change.fading(fades)), change.colour.shape[-1]
    finer = min(FINEST, max(1, round(place.side / small)))
    if finer > 1:
        bicubic = _bicubic(small, finer)
        maps = bicubic @ maps @ bicubic.T
    maps = maps[None].contiguous(memory_format=torch.channels_last)  # looked up in half the time
    rows = max(1, STRIP // (right - left))
    for start in range(top, bottom, rows):
        box = (left, start, right, min(bottom, start + rows))
        before = torch.from_numpy(np.array(image.crop(box))).permute(2, 0, 1)
        grid = _grid(place, box)
        weight = _fade(grid, fades)
        for other in others:
            weight = weight * _share(grid, _grid(other, box))
        after = _strip(before, grid, maps, weight).permute(1, 2, 0).contiguous()
        if stored is not None:
            stored.change(box, before.permute(1, 2, 0).numpy(), after.numpy())
        image.paste(Image.fromarray(after.round_().to(torch.uint8).numpy()), box[:2])


@lru_cache(maxsize=16)
@torch.inference_mode(False)
def _bicubic(side: int, finer: int) -> Tensor:
    """(side * finer, side): what makes of a column its bicubic enlargement. As matrix products, torch is several times
    as fast as by its own enlarging."""
    return F.interpolate(torch.eye(side)[None, None], (side * finer, side), mode="bicubic")[0, 0]


def _strip(before: Tensor, grid: Tensor, maps: Tensor, weight: Tensor) -> Tensor:
    """uint8 (3, h, w) -> float in [0, 255], the same with as much of the change made as `weight` (h, w) says; `grid`
    (h, w, 2) says where its pixels lie in the square."""
    x = to_model(before)
    sampled = F.grid_sample(maps, 2 * grid[None] - 1, "bilinear", "border", align_corners=False)[0]
    colour, slope, offset, low, high, seen = torch.split(sampled, [3, 3, 1, 1, 1, 3])
    fine = x - seen
    energy = (fine * fine).mean(dim=0, keepdim=True)
    edges = seen + fine * (energy / (energy + TEXTURE**2))
    mask = ((slope * edges).sum(dim=0, keepdim=True) + offset).clamp(low, high)
    step = mask * weight * colour
    light, lighter = lightness(seen) + 1 + DARKEST, lightness(step)
    gain = (1 + lighter / light).clamp(1, MOST_GAIN) ** GAIN_SHARE - 1
    after: Tensor = before + (step + gain * fine) * 127.5
    return after.clamp_(0, 255)


def _grid(place: Place, box: tuple[int, int, int, int]) -> Tensor:
    """Where the pixels of a box lie in the unit square: (h, w, 2)."""
    inverse = 1 / place.span
    x = torch.arange(box[0], box[2], dtype=torch.float64)[None, :] + 0.5 - place.origin.real
    y = torch.arange(box[1], box[3], dtype=torch.float64)[:, None] + 0.5 - place.origin.imag
    return torch.stack([inverse.real * x - inverse.imag * y, inverse.imag * x + inverse.real * y], dim=-1).float()


def _fade(grid: Tensor, fades: Sides) -> Tensor:
    """1 well inside the unit square, 0 from its fading borders outwards, and a smooth step between: (h, w)."""
    distances = (grid[..., 0], grid[..., 1], 1 - grid[..., 0], 1 - grid[..., 1])
    weight = torch.ones(grid.shape[:2])
    for distance, fade in zip(distances, fades, strict=True):
        weight = weight * (smooth(distance / FEATHER) if fade else (distance >= 0).float())
    return weight


def _share(own: Tensor, other: Tensor) -> Tensor:
    """Of the pixels that two squares have in common each takes those nearer to its middle: (h, w), 1 for all of it."""
    nearer: Tensor = torch.linalg.vector_norm(other - 0.5, dim=-1) - torch.linalg.vector_norm(own - 0.5, dim=-1)
    return (0.5 + nearer / FEATHER).clamp(0, 1)


def _fading_sides(place: Place, size: tuple[int, int]) -> Sides:
    """Left, top, right, bottom of the square: False where that side lies on the picture's border or beyond it."""
    width, height = size
    corners = place.corners

    def beyond(first: complex, second: complex) -> bool:
        return (
            max(first.real, second.real) <= 1
            or max(first.imag, second.imag) <= 1
            or min(first.real, second.real) >= width - 1
            or min(first.imag, second.imag) >= height - 1
        )

    sides = ((3, 0), (0, 1), (1, 2), (2, 3))
    return tuple(not beyond(corners[a], corners[b]) for a, b in sides)  # type: ignore[return-value]
