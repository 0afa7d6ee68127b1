"""A change made in a small square -> the same change in the full-size picture, which keeps its detail.

The network says, at its own size, how much of each place changes (a mask) and by which colour. The colours are
smooth and are simply enlarged; the mask is what has edges, and is enlarged along those of the full-size picture: in
each small window it is a linear function of the picture's colours (guided filter, He, Sun & Tang, TPAMI 2013; the
coefficients are found at the small size and enlarged, He & Sun 2015). What is added to the picture is their product,
so that every strand and pore stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from stargan_cli.data.images import to_model
from stargan_cli.data.places import Place
from stargan_cli.data.stored import Stored

RADIUS = 3  # px of the small square: windows in which the mask follows the picture's colours
SMOOTHNESS = 0.01  # variance, in [-1, 1]: weaker edges of the picture are not followed
COLOUR_BLUR, DIFFERENCE_BLUR = 0.8, 1.5  # px of the small square: standard deviations
FEATHER = 0.1  # of the side: how far from the border of the square the change is whole
FINEST = 4  # enlarged in curves as far as this, from there on in straight lines
LIGHTNESS = (0.299, 0.587, 0.114)  # of red, green, blue, as in Pillow
STRIP = 1 << 18  # pixels at once: bounds the memory


class Change(NamedTuple):
    """What changes in a square, of (C, S, S) each, for pictures x in [-1, 1]: x + mask * colour, where `colour` (3)
    is a difference, and mask is `slope` (3) times x plus `offset` (1), held between `low` (1) and `high` (1)."""

    colour: Tensor
    slope: Tensor
    offset: Tensor
    low: Tensor
    high: Tensor

    def in_grey(self) -> Change:
        """The change of lightness alone, of a grey picture that is to stay grey."""
        grey = (self.colour * self.colour.new_tensor(LIGHTNESS)[:, None, None]).sum(dim=0, keepdim=True)
        return self._replace(colour=grey.expand_as(self.colour))


def change_of(seen: Tensor, add: Tensor, keep: Tensor) -> Change:
    """`seen` uint8 (3, S, S): what the network was given. `add` (3, S, S) and `keep` (1, S, S), float: it made
    add + keep * seen of it, in [-1, 1]. Where keep is 1 throughout, `add` is all there is, and the mask is its size.
    """
    guide = to_model(seen)
    mask = (1 - keep).clamp(0, 1)
    difference = add - mask * guide
    blur = COLOUR_BLUR
    if not bool((mask > 0).any()):
        blur, difference = DIFFERENCE_BLUR, _blurred(difference, DIFFERENCE_BLUR)
        size = difference.abs().amax(dim=0, keepdim=True)
        mask = (size / size.flatten().quantile(0.99).clamp_min(1 / 255)).clamp(0, 1)
    colour = _blurred(difference, blur) / _blurred(mask, blur).clamp_min(1e-3)
    slope, offset = _guided(guide, mask)
    low, high = -F.max_pool2d(-mask, 3, 1, 1), F.max_pool2d(mask, 3, 1, 1)
    return Change(colour.clamp(-2, 2), slope, offset, low, high)


def _guided(guide: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """(3, S, S) and (1, S, S) -> slope (3, S, S), offset (1, S, S): values are near slope * guide + offset."""
    mean, mean_values = _window(guide), _window(values)
    products = _window((guide[:, None] * guide[None]).flatten(0, 1)).view(3, 3, *guide.shape[1:])
    covariance = products - mean[:, None] * mean[None]
    with_values = _window(guide * values) - mean * mean_values
    matrix = covariance.permute(2, 3, 0, 1) + SMOOTHNESS * torch.eye(3)
    slope = torch.linalg.solve(matrix, with_values.permute(1, 2, 0)).permute(2, 0, 1)
    offset = mean_values - (slope * mean).sum(dim=0, keepdim=True)
    return _window(slope), _window(offset)


def _window(maps: Tensor) -> Tensor:
    """Means over square windows, (C, S, S) -> (C, S, S)."""
    return F.avg_pool2d(maps, 2 * RADIUS + 1, 1, RADIUS, count_include_pad=False)


def _blurred(maps: Tensor, deviation: float) -> Tensor:
    """(C, S, S), with Gaussian weights; the border repeats."""
    reach = max(1, round(3 * deviation))
    steps = torch.arange(-reach, reach + 1)
    weights = torch.exp(-(steps**2) / (2 * deviation**2))
    weights = weights / weights.sum()
    padded = F.pad(maps[:, None], (reach,) * 4, mode="replicate")
    return F.conv2d(F.conv2d(padded, weights[None, None, None]), weights[None, None, :, None])[:, 0]


def paste(
    image: Image.Image, place: Place, change: Change, others: Sequence[Place] = (), stored: Stored | None = None
) -> None:
    """Make a change in a square of an RGB picture, in place. It fades towards the square's border, except where that
    is the picture's own, and towards the middles of `others`; pixels outside are untouched. `stored`, the same picture
    in its file's own numbers, is changed alike."""
    left, top, right, bottom = place.region(*image.size)
    if right <= left or bottom <= top:
        return
    maps, small = torch.cat(change)[None], change.colour.shape[-1]
    finer = min(FINEST, max(1, round(place.side / small)))
    if finer > 1:
        maps = F.interpolate(maps, scale_factor=finer, mode="bicubic", align_corners=False)
    fades = _fading_sides(place, image.size)
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


def _strip(before: Tensor, grid: Tensor, maps: Tensor, weight: Tensor) -> Tensor:
    """uint8 (3, h, w) -> float in [0, 255], the same with as much of the change made as `weight` (h, w) says; `grid`
    (h, w, 2) says where its pixels lie in the square."""
    x = to_model(before)
    sampled = F.grid_sample(maps, 2 * grid[None] - 1, "bilinear", "border", align_corners=False)[0]
    colour, slope, offset, low, high = torch.split(sampled, [3, 3, 1, 1, 1])
    mask = ((slope * x).sum(dim=0, keepdim=True) + offset).clamp(low, high)
    difference = mask * weight * colour * 127.5
    after: Tensor = before + difference
    return after.clamp_(0, 255)


def _grid(place: Place, box: tuple[int, int, int, int]) -> Tensor:
    """Where the pixels of a box lie in the unit square: (h, w, 2)."""
    inverse = 1 / place.span
    x = torch.arange(box[0], box[2], dtype=torch.float64)[None, :] + 0.5 - place.origin.real
    y = torch.arange(box[1], box[3], dtype=torch.float64)[:, None] + 0.5 - place.origin.imag
    return torch.stack([inverse.real * x - inverse.imag * y, inverse.imag * x + inverse.real * y], dim=-1).float()


def _fade(grid: Tensor, fades: tuple[bool, bool, bool, bool]) -> Tensor:
    """1 well inside the unit square, 0 from its fading borders outwards, and a smooth step between: (h, w)."""
    distances = (grid[..., 0], grid[..., 1], 1 - grid[..., 0], 1 - grid[..., 1])
    weight = torch.ones(grid.shape[:2])
    for distance, fade in zip(distances, fades, strict=True):
        step = (distance / FEATHER).clamp(0, 1) if fade else (distance >= 0).float()
        weight = weight * step * step * (3 - 2 * step)
    return weight


def _share(own: Tensor, other: Tensor) -> Tensor:
    """Of the pixels that two squares have in common each takes those nearer to its middle: (h, w), 1 for all of it."""
    nearer: Tensor = torch.linalg.vector_norm(other - 0.5, dim=-1) - torch.linalg.vector_norm(own - 0.5, dim=-1)
    return (0.5 + nearer / FEATHER).clamp(0, 1)


def _fading_sides(place: Place, size: tuple[int, int]) -> tuple[bool, bool, bool, bool]:
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
