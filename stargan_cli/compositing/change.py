"""A network's output for small squares -> changes that can be made in pictures of any size, for a whole batch at once.

The network gives, at its own size, how much of each pixel changes (a mask) and by which colour. The mask has edges,
which must follow those of the full-size picture: in each small window the mask is a linear function of the picture's
colours (guided filter, He, Sun & Tang, TPAMI 2013; the coefficients are computed at the small size and enlarged, He &
Sun 2015). The network's own edges are softer and reach farther than hair does, and that function would spread them over
its window: a wall beside hair would glow. So the mask is narrowed first where the picture has strong edges. And each
pixel has two levels: the mask is at least `low`, the least mask near the pixel, and `paste` moves it towards 0 or
`high`, the mean mask of what changes around the pixel. No branch depends on the values of a tensor: nothing waits for
the device. No picture depends on the others in its batch.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from stargan_cli.compositing.maps import smooth
from stargan_cli.pictures.tensors import to_model

RADIUS = 4  # px of the small square: windows in which the mask follows the picture's colours
FAR = 3  # px of the small square: the mask's edges reach farther than the picture's by up to this
EDGES = (0.2, 0.6)  # variances of a window's colours, summed, in [-1, 1]: from the first on it has an edge, from the
# second on a strong one, as between dark hair and a light wall
SMOOTHNESS = 0.01  # variance, in [-1, 1]: the mask does not follow weaker edges
OWN = 0.3  # of the mask around: from this mask on, a pixel changes by the network's own colour
LEAST = 1e-3  # by which a mask is divided
BLUR = 1.5  # px of the small square: standard deviation, for a plain difference
WHOLE = 0.99  # quantile of a plain difference's size at which its mask is 1


class SquareChange(NamedTuple):
    """The changes of N squares x in [-1, 1]: x becomes x + mask * `colour`. The mask is `slope` times x plus `offset`,
    moved towards 0 or `high`, and at least `low`. `high` is the mean mask of the window, weighted by the mask itself,
    or the pixel's own mask if that is larger. `colour` and `slope` are float32 (N, 3, S, S), the others
    (N, 1, S, S)."""

    colour: Tensor
    slope: Tensor
    offset: Tensor
    low: Tensor
    high: Tensor


@torch.inference_mode()
def changes_of(seen: Tensor, add: Tensor, keep: Tensor | None = None) -> SquareChange:
    """Return the changes of N squares.

    `seen` uint8 (N, 3, S, S) is the network's input. Its output is add + keep * seen, in [-1, 1], with `add`
    (N, 3, S, S) and `keep` (N, 1, S, S). Without `keep`, `add` is output - seen, and the mask is the size of that.

    Where the mask is far below `high`, as at the rim of hair, the network's own colour means nothing: there it is the
    mean of the window, weighted by the square of the mask.
    """
    guide, add = to_model(seen), add.float()
    if keep is None:
        difference = _blurred(add)
        mask = _sizes(difference)
    else:
        mask = (1 - keep.float()).clamp(0, 1)
        difference = add - mask * guide
    mean, square = torch.split(_window(torch.cat([mask, mask * mask], dim=1)), 1, dim=1)
    high = torch.maximum(square / mean.clamp_min(1e-4), mask)
    if keep is None:
        colour = _blurred(difference) / _blurred(mask).clamp_min(LEAST)
    else:
        around = _window(difference * mask) / square.clamp_min(LEAST**2)
        colour = torch.lerp(around, difference / mask.clamp_min(LEAST), smooth(mask / (OWN * high).clamp_min(LEAST)))
    return SquareChange(colour.clamp(-2, 2), *_guided(guide, mask), high)


def _sizes(difference: Tensor) -> Tensor:
    """(N, 3, S, S) -> (N, 1, S, S) in [0, 1]: the size of the difference, relative to its quantile WHOLE."""
    size = difference.abs().amax(dim=1, keepdim=True)
    flat = size.flatten(1)
    largest = flat.topk(1 + int((1 - WHOLE) * flat.shape[1]), dim=1).values[:, -1]
    return (size / largest.clamp_min(1 / 255)[:, None, None, None]).clamp(0, 1)


def _guided(guide: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(N, 3, S, S), (N, 1, S, S) -> slope (N, 3, S, S), offset and low (N, 1, S, S).

    The mask is near slope * guide + offset. At strong edges, the mask is narrowed by FAR px before this fit, except for
    structures that are thinner than twice that. Hair at its edge then counts as unchanged, so the fit is too small by
    about a half, and is doubled. `low`: the least mask up to 1 px away, or FAR px near strong edges.
    """
    red, green, blue = torch.split(guide, 1, dim=1)
    products = torch.cat([guide * red, guide[:, 1:] * green, blue * blue], dim=1)  # the upper triangle of 3x3
    mean, products = torch.split(_window(torch.cat([guide, products], dim=1)), [3, 6], dim=1)
    r, g, b = torch.split(mean, 1, dim=1)
    rr, rg, rb, gg, gb, bb = torch.split(products - torch.cat([mean * r, mean[:, 1:] * g, b * b], dim=1), 1, dim=1)
    strong = smooth((rr + gg + bb - EDGES[0]) / (EDGES[1] - EDGES[0]))
    near = _least_near(mask, 1)
    least = _least_near(near, FAR - 1)
    thin = mask + _least_near(-least, FAR)  # what a morphological opening removes
    narrow = torch.lerp(mask, least + thin, strong)
    with_narrow, mean_narrow = torch.split(_window(torch.cat([guide * narrow, narrow], dim=1)), [3, 1], dim=1)
    slope = _solved((rr, rg, rb, gg, gb, bb), with_narrow - mean * mean_narrow)
    offset = mean_narrow - (slope * mean).sum(dim=1, keepdim=True)
    slope, offset = torch.split(_window(torch.cat([slope, offset], dim=1) * (1 + strong)), [3, 1], dim=1)
    return slope, offset, torch.lerp(near, least, -_least_near(-strong, RADIUS))


def _solved(covariance: tuple[Tensor, ...], right: Tensor) -> Tensor:
    """Solves a symmetric 3x3 system at every place, by its cofactors: (N, 3, S, S)."""
    rr, rg, rb, gg, gb, bb = covariance
    rr, gg, bb = rr + SMOOTHNESS, gg + SMOOTHNESS, bb + SMOOTHNESS
    first = torch.cat([gg * bb - gb * gb, rb * gb - rg * bb, rg * gb - rb * gg], dim=1)
    second = torch.cat([first[:, 1:2], rr * bb - rb * rb, rg * rb - rr * gb], dim=1)
    third = torch.cat([first[:, 2:], second[:, 2:], rr * gg - rg * rg], dim=1)
    determinant = (first * torch.cat([rr, rg, rb], dim=1)).sum(dim=1, keepdim=True)
    x, y, z = torch.split(right, 1, dim=1)
    return (first * x + second * y + third * z) / determinant


def _window(maps: Tensor) -> Tensor:
    """Means over square windows, (N, C, S, S) -> (N, C, S, S); at the border, over the part inside."""
    count = _sums(maps.new_ones(1, 1, 1, maps.shape[-1]), 3)
    return _sums(_sums(maps, 3), 2) / (count * count.transpose(2, 3))


def _sums(maps: Tensor, dim: int) -> Tensor:
    """Sums over windows along one dimension: differences of the sums from the border on."""
    before, after = RADIUS + 1, RADIUS
    padded = F.pad(maps, (before, after, 0, 0) if dim == 3 else (0, 0, before, after))
    sums, size = padded.cumsum(dim), maps.shape[dim]
    return sums.narrow(dim, 2 * RADIUS + 1, size) - sums.narrow(dim, 0, size)


def _blurred(maps: Tensor) -> Tensor:
    return blurred_along(blurred_along(maps, BLUR, 3), BLUR, 2)


def blurred_along(maps: Tensor, deviation: float, dim: int) -> Tensor:
    """Gaussian blur of (N, C, H, W) along one dimension (standard deviation in px); border values are repeated. For few
    channels and taps, torch's own convolutions take five times as long on a CPU."""
    reach, size = max(1, round(3 * deviation)), maps.shape[dim]
    weights = [math.exp(-(step**2) / (2 * deviation**2)) for step in range(-reach, reach + 1)]
    padded = F.pad(maps, (reach, reach, 0, 0) if dim == 3 else (0, 0, reach, reach), mode="replicate")
    total = padded.narrow(dim, 0, size) * (weights[0] / sum(weights))
    for step, weight in enumerate(weights[1:], start=1):
        total.add_(padded.narrow(dim, step, size), alpha=weight / sum(weights))
    return total


def _least_near(maps: Tensor, near: int) -> Tensor:
    """The minimum of each pixel and those up to `near` px away, along both dimensions, (N, 1, S, S)."""
    size = maps.shape[-1]
    for dim in (3, 2):
        padded = F.pad(maps, (near, near, 0, 0) if dim == 3 else (0, 0, near, near), mode="replicate")
        maps = padded.narrow(dim, 0, size)
        for step in range(1, 2 * near + 1):
            maps = torch.minimum(maps, padded.narrow(dim, step, size))
    return maps
