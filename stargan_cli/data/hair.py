"""Hair in another colour, as it falls: what a generator is taught that learns from another.

Where hair is, a generator shows that makes it black and blond: there its two pictures differ. The edge is then taken
from the picture itself (guided filter: He et al., ECCV 2010), and the hair keeps its own light and shadow.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from stargan_cli.data import face_parts
from stargan_cli.data.images import lightness

DARKEST, LIGHTEST = "Black_Hair", "Blond_Hair"


class Look(NamedTuple):
    """Hair's mean red, green and blue, and how much its light differs from place to place (standard deviation), of
    1."""

    colour: tuple[float, float, float]
    contrast: float


LOOKS = {
    DARKEST: Look((0.06, 0.053, 0.05), 0.06),
    LIGHTEST: Look((0.76, 0.57, 0.37), 0.21),
    "Brown_Hair": Look((0.30, 0.175, 0.105), 0.11),
    "Gray_Hair": Look((0.55, 0.53, 0.51), 0.15),
}
SKIN, SHADE = 0.55, 0.4
"""How light skin is, of 1, around which hair has its colour; where it is lighter or darker, by the light or by nature,
this share of that goes for hair too."""
DIFFERENT = 0.35
"""Hair is where a black-haired and a blond picture differ so much in light, of 1."""
EDGES, RADIUS = 0.02, 5
"""Of the guided filter: variances of colours (from -1 to 1) that are no edge, and its windows in 64ths of the side."""
LEAST, MOST = 0.13, 0.5
"""What it gives is hair from the one on, and all of it from the other."""
NEAR = 4
"""So near to where the pictures differ, in 64ths of the side, hair is."""
INSIDE, BESIDE = 2, 4
"""Nearer to its edge than the one, in 64ths of the side, hair has the light of the hair as near as the other: skin or
what is behind shines through there."""
SHINE = 0.2
"""No hair is lighter than its colour by more than this, of 1."""
BARE = 0.8
"""This share of a bare forehead is none, whatever the generator makes."""


def where_hair_is(pictures: Tensor, black: Tensor, blond: Tensor) -> Tensor:
    """Aligned faces and what a generator made of them, (N, 3, S, S) each in [-1, 1] -> (N, 1, S, S) in [0, 1]."""
    lit_skin, _, own_hair, _ = face_parts.distances(pictures)
    skin = face_parts.on_skin(lit_skin, own_hair)
    bare = skin * face_parts.forehead(pictures)
    beside = 1 - face_parts.without_hair(pictures)
    found = (lightness(blond - black) / (2 * DIFFERENT)).clamp(0, 1) * beside * (1 - BARE * bare)
    along = ((_guided(pictures, found) - LEAST) / (MOST - LEAST)).clamp(0, 1)
    hair: Tensor = along * beside * (face_parts.around(found, NEAR) > 0.02)
    return hair * (1 - face_parts.hair_above(pictures) * skin * _with_ears(pictures))


def _with_ears(pictures: Tensor) -> Tensor:
    """(S, S), in [0, 1]: 1 in the face with its forehead, temples and ears."""
    head = (face_parts.FOREHEAD, 1.3, 5), (face_parts.OUTER_FACE, 1.9, 4)
    return torch.maximum(*(face_parts.soft(*part, pictures) for part in head))


def recoloured(pictures: Tensor, hair: Tensor, targets: Tensor, attributes: Sequence[str]) -> Tensor:
    """Pictures (N, 3, S, S) in [-1, 1], where their hair is (N, 1, S, S), and targets (N, k) -> (N, 3, S, S): with hair
    of the colour that their target names; as they were where it names none that is in `LOOKS`."""
    known = [(place, LOOKS[name]) for place, name in enumerate(attributes) if name in LOOKS]
    wanted = targets[:, [place for place, _ in known]]
    looks = torch.tensor([[*look.colour, look.contrast] for _, look in known], device=pictures.device)
    look = (wanted @ looks)[:, :, None, None]
    colour, contrast = look[:, :3], look[:, 3:]
    light = _light_of(pictures, hair)
    colour = colour * (1 + SHADE * (face_parts.lightness_of_skin(pictures) / SKIN - 1))
    mean = _weighted(light, hair)
    deviation = _weighted((light - mean).square(), hair).sqrt().clamp(min=0.02)
    middle = lightness(colour)
    most = 0.1 + 0.4 * middle
    most = torch.where(light > mean, most.clamp(max=SHINE), most)
    light = middle + most * torch.tanh((light - mean) * (contrast / deviation).clamp(0.4, 2.5) / most)
    share = (light / middle.clamp(min=0.01)).clamp(min=0)
    shining = (share - 1).clamp(min=0) * (colour + middle) / 2
    made = (colour * share.clamp(max=1) + shining).clamp(0, 1) * 2 - 1
    return pictures + hair * (wanted.sum(dim=1) == 1)[:, None, None, None] * (made - pictures)


def _light_of(pictures: Tensor, hair: Tensor) -> Tensor:
    """How light hair is: (N, 3, S, S) in [-1, 1] and where it is (N, 1, S, S) -> (N, 1, S, S), of 1."""
    light = lightness(pictures) / 2 + 0.5
    inside = (2.5 * face_parts.around(hair, INSIDE) - 1.5).clamp(0, 1)
    weights = hair * (inside + 0.02)
    beside = face_parts.around(light * weights, BESIDE) / face_parts.around(weights, BESIDE).clamp(min=1e-6)
    return light + (1 - inside) * (beside - light)


def _weighted(planes: Tensor, weights: Tensor) -> Tensor:
    """(N, 1, S, S) each -> means (N, 1, 1, 1)."""
    mean: Tensor = (planes * weights).sum(dim=(2, 3), keepdim=True) / weights.sum(dim=(2, 3), keepdim=True).clamp(min=1)
    return mean


def _guided(guides: Tensor, planes: Tensor) -> Tensor:
    """Planes (N, 1, S, S) smoothed, but with the edges of coloured guides (N, 3, S, S)."""
    mean, level = face_parts.around(guides, RADIUS), face_parts.around(planes, RADIUS)
    pairs = guides[:, :, None] * guides[:, None]
    between = face_parts.around(pairs.flatten(1, 2), RADIUS).view_as(pairs) - mean[:, :, None] * mean[:, None]
    along = face_parts.around(guides * planes, RADIUS) - mean * level
    held = between.movedim((1, 2), (-2, -1)) + EDGES * torch.eye(3, device=guides.device)
    slopes = torch.linalg.solve(held, along.movedim(1, -1)).movedim(-1, 1)
    rest = level - (slopes * mean).sum(dim=1, keepdim=True)
    return (face_parts.around(slopes, RADIUS) * guides).sum(dim=1, keepdim=True) + face_parts.around(rest, RADIUS)
