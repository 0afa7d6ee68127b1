"""What a network says of a small square -> what is to be done to a picture of any size.

The network says, at its own size, how much of each place changes (a mask) and by which colour. The colours are
smooth. The mask is what has edges, and has to follow those of the full-size picture: in each small window it is a
linear function of the picture's colours (guided filter, He, Sun & Tang, TPAMI 2013; the coefficients are found at the
small size and enlarged, He & Sun 2015).
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from stargan_cli.pictures.tensors import lightness, to_model

RADIUS = 3  # px of the small square: windows in which the mask follows the picture's colours
SMOOTHNESS = 0.01  # variance, in [-1, 1]: weaker edges of the picture are not followed
COLOUR_BLUR, DIFFERENCE_BLUR = 0.8, 1.5  # px of the small square: standard deviations
BAND = 0.08  # of the side: along a border, where it is looked whether a change goes on beyond it
GOES_ON = (0.1, 0.5)  # sizes of a change, in [0, 2], at the border: a small one and a large one
LONG_FEATHER = 0.2  # of the side: how far from the border a change that goes on beyond it is whole
ALONG_BLUR = 0.06  # of the side: standard deviation along the border

Sides = tuple[bool, bool, bool, bool]


class Change(NamedTuple):
    """What changes in a square, of (C, S, S) each, for pictures x in [-1, 1]: x + mask * colour, where `colour` (3)
    is a difference, and mask is `slope` (3) times x plus `offset` (1), held between `low` (1) and `high` (1).
    `seen` (3) is the picture as the network was given it."""

    colour: Tensor
    slope: Tensor
    offset: Tensor
    low: Tensor
    high: Tensor
    seen: Tensor

    def in_grey(self) -> Change:
        """The change of lightness alone, of a grey picture that is to stay grey."""
        return self._replace(colour=lightness(self.colour).expand_as(self.colour))

    def fading(self, sides: Sides) -> Change:
        """With a long way out at those borders (left, top, right, bottom) where the change goes on beyond the square,
        as in long hair: it would end there for all to see."""
        mask = ((self.slope * self.seen).sum(dim=0, keepdim=True) + self.offset).clamp(self.low, self.high)
        size = (mask * self.colour).abs().amax(dim=0)
        weight = torch.ones_like(size)
        for side, fades in enumerate(sides):
            if fades:
                upwards = side - 1  # quarter turns that bring this side up
                weight = weight * torch.rot90(_way_out(torch.rot90(size, upwards)), -upwards)
        return self._replace(colour=self.colour * weight)


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
    return Change(colour.clamp(-2, 2), slope, offset, low, high, guide)


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
    means = _means(maps.shape[-1])
    return means @ maps @ means.T


@lru_cache(maxsize=4)
@torch.inference_mode(False)
def _means(side: int) -> Tensor:
    """(side, side): what makes of a column the means around each of its places. As matrix products, torch is several
    times as fast as by its own pooling."""
    width = 2 * RADIUS + 1
    return F.avg_pool2d(torch.eye(side)[None], (width, 1), 1, (RADIUS, 0), count_include_pad=False)[0]


def _blurred(maps: Tensor, deviation: float) -> Tensor:
    """(C, S, S), with Gaussian weights; the border repeats."""
    reach = max(1, round(3 * deviation))
    steps = torch.arange(-reach, reach + 1)
    weights = torch.exp(-(steps**2) / (2 * deviation**2))
    weights = weights / weights.sum()
    padded = F.pad(maps[:, None], (reach,) * 4, mode="replicate")
    return F.conv2d(F.conv2d(padded, weights[None, None, None]), weights[None, None, :, None])[:, 0]


def _way_out(size: Tensor) -> Tensor:
    """How much is left of a change of this size (S, S) towards the upper border: (S, S), 1 in the lower part."""
    length = size.shape[0]
    along = _blurred(size[: max(1, round(BAND * length))].mean(dim=0)[None, None], ALONG_BLUR * length)[0, 0]
    goes_on = smooth((along - GOES_ON[0]) / (GOES_ON[1] - GOES_ON[0]))
    distance = (torch.arange(length) + 0.5) / length
    return 1 - goes_on * (1 - smooth(distance / LONG_FEATHER))[:, None]


def smooth(step: Tensor) -> Tensor:
    """0 below 0, 1 above 1, and a smooth way between."""
    step = step.clamp(0, 1)
    return step * step * (3 - 2 * step)
