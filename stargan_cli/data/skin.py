"""What skin looks like: in another light it keeps its hue, and it has no blue or green one."""

from __future__ import annotations

import torch
from torch import Tensor

from stargan_cli.data.images import lightness

DARK = 0.06
"""Colours change with the light, as if it fell on the same skin; what is darker than this, of 1, as if it were not."""


def in_other_light(pictures: Tensor, light: Tensor) -> Tensor:
    """How pictures (N, 3, S, S) in [-1, 1] change, each pixel in so much more or less light (N, 1, S, S), of 2."""
    from_black = pictures + 1
    factors = 1 + light / lightness(from_black).clamp(min=2 * DARK)
    changes: Tensor = from_black * (factors.clamp(min=0) - 1)
    return changes


def with_hues_of(pictures: Tensor, changed: Tensor, where: Tensor) -> Tensor:
    """`changed` (N, 3, S, S), what became of `pictures`, both in [-1, 1]: as light as it is, but with the hues of
    `pictures` as far as `where` (N, 1, S, S) says, from 0 to 1."""
    as_light = pictures + in_other_light(pictures, lightness(changed - pictures))
    return torch.lerp(changed, as_light.clamp(-1, 1), where.to(changed.dtype))


def more_unnatural(before: Tensor, after: Tensor) -> Tensor:
    """By how much more pixels of (N, 3, S, S) have a colour after a change that no skin and no hair has: green over red
    and blue over green, (N, 2, S, S), from 0 up.

    What gives both their colour (melanin, blood) takes more from blue than from green, and more from green than red.
    """
    excess_before, excess_after = ((one[:, 1:] - one[:, :2]).clamp(min=0) for one in (before, after))
    return (excess_after - excess_before).clamp(min=0)
