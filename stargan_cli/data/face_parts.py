"""Which part of an aligned face the discriminator is shown, and which labels it judges by that part.

Blond hair goes with light skin in most data sets, and long hair with women: a discriminator that judges everything by
everything asks for lighter noses wherever hair shall be blond, and for shadows beside the face wherever a man shall be
a woman. So it is asked for hair where the face is hidden, and for the face where all else is.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

WHOLE, SURROUNDINGS, FACE = range(3)
SHARES = (0.2, 0.4, 0.4)

# Ellipses in faces aligned as CelebA's: centre across and down, half axes; the picture goes from -1 to 1 both ways.
# From the brows to the chin; and a little more all around, with some of the forehead.
INNER_FACE = (0.0, 0.28, 0.40, 0.54)
OUTER_FACE = (0.0, 0.28, 0.48, 0.62)

AROUND_THE_FACE = frozenset(
    {
        "Bald",
        "Bangs",
        "Black_Hair",
        "Blond_Hair",
        "Brown_Hair",
        "Gray_Hair",
        "Receding_Hairline",
        "Straight_Hair",
        "Wavy_Hair",
        "Wearing_Earrings",
        "Wearing_Hat",
        "Wearing_Necklace",
        "Wearing_Necktie",
    }
)
"""CelebA's attributes that show beside the face; all others, and all classes of folders, show in it."""


def drawn_parts(uniform: Tensor) -> Tensor:
    """Numbers in [0, 1) (N,) -> WHOLE, SURROUNDINGS or FACE for each picture (N,), as often as SHARES says."""
    return (uniform >= SHARES[WHOLE]).long() + (uniform >= SHARES[WHOLE] + SHARES[SURROUNDINGS]).long()


def shown(pictures: Tensor, parts: Tensor) -> Tensor:
    """Pictures (N, 3, S, S) in [-1, 1] with grey (0) over what does not belong to the part of each (N,)."""
    inner, outer = (_ellipse(*ellipse, pictures) for ellipse in (INNER_FACE, OUTER_FACE))
    part = parts[:, None, None, None]
    return pictures.masked_fill(((part == SURROUNDINGS) & inner) | ((part == FACE) & ~outer), 0)


def judged(parts: Tensor, attributes: Sequence[str]) -> Tensor:
    """Whether each label is judged by what is shown of each picture: (N, k), 1 or 0. By the WHOLE, none is."""
    around = torch.tensor([name in AROUND_THE_FACE for name in attributes], device=parts.device)
    return torch.where(around, (parts == SURROUNDINGS)[:, None], (parts == FACE)[:, None]).float()


def learnt(parts: Tensor, attributes: Sequence[str]) -> Tensor:
    """The same, and by the WHOLE all are: `translate` asks D what whole pictures show."""
    return torch.maximum(judged(parts, attributes), (parts == WHOLE)[:, None].float())


def _ellipse(across: float, down: float, half_width: float, half_height: float, pictures: Tensor) -> Tensor:
    """(S, S): whether a pixel is inside."""
    side = pictures.shape[-1]
    line = (torch.arange(side, device=pictures.device) + 0.5) / side * 2 - 1
    return ((line - across) / half_width).square() + ((line[:, None] - down) / half_height).square() < 1
