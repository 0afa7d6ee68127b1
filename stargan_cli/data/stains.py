"""A translated face without what does not belong to the change: what a generator is taught that learns from another.

A classifier that is asked for more and more gets stains: foreheads with a dark wedge, lighter chins, red or blue skin,
halos. Losses (`Objective.lambda_stay` and the like) weigh such changes against what is to be read in a picture; here
they are taken out of the finished picture. Parts of the face are those of `face_parts`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from stargan_cli.data import face_parts
from stargan_cli.data.images import colour, lightness
from stargan_cli.data.skin import more_unnatural

COLOUR = 0.7
"""This share of a change of colour, though not of light, goes: on skin, and everywhere unless hair changes."""
LIGHT = 0.7
"""This share of how much lighter or darker a face gets as a whole goes."""
MOST = 0.15
"""Patches of skin get about so much lighter or darker at most, of 2 from black to white, with new hair, gender, age."""
BROW = 0.6
"""This share of a change between the brows and on a bare forehead goes."""
EYES = 0.25
"""This share of a change of the eyes goes, unless something changes that shows in them."""
BESIDE = 0.7
"""This share of how much lighter it gets beside a face that is to be a man's goes, unless hair is to be blond or
grey, and of any change to the ends of long hair: it stays rather than becoming light and dark patches."""
FAIR = 0.5
"""Beside the face nothing gets lighter than this, of -1 to 1, that was not."""
LIP = 0.8
"""This share of how much darker the skin around the mouth gets with age goes."""

LIGHT_HAIR = frozenset({"Blond_Hair", "Gray_Hair"})

# An ellipse and two lines, as in `face_parts`.
MOUTH = (0.0, 0.42, 0.34, 0.22)
BROWS = -0.18  # from here up
ENDS = 0.45  # from here down


def without_stains(
    pictures: Tensor, translated: Tensor, labels: Tensor, targets: Tensor, attributes: Sequence[str]
) -> Tensor:
    """Aligned faces and what a generator made of them, (N, 3, S, S) each in [-1, 1], their labels and targets (N, k) ->
    (N, 3, S, S) in [-1, 1]: pictures that keep the change of hair, and of the face less of what no person shows.

    Where the target is the own label, the picture itself.
    """
    changed, gone, new = face_parts.changes(labels, targets, attributes)
    planes = face_parts.planes
    every = frozenset(attributes)
    hair, in_the_face = planes(changed(face_parts.AROUND_THE_FACE)), planes(changed(every - face_parts.AROUND_THE_FACE))
    lit_skin, skin, own_hair, behind = face_parts.distances(pictures)
    bare = face_parts.on_skin(lit_skin, own_hair)
    face = bare * face_parts.soft_face(pictures)

    change = translated - pictures
    change = change - COLOUR * torch.where(hair, face, 1.0) * colour(change)
    change = without_blue(pictures, change)

    change = change * (1 - bare * face_parts.soft(face_parts.INNER_FACE, 1.25, 4, pictures) * ~in_the_face)
    wall = face_parts.is_behind(skin, own_hair, behind).float()
    change = change * (1 - wall * face_parts.around(wall, 1) * planes(~gone(face_parts.LESS_HAIR)))

    as_light = face * planes(~changed(face_parts.LIGHT_OR_DARK))
    change = change - LIGHT * _mean_light(change, as_light) * face_parts.soft_face(pictures)
    even = bare * planes(~changed(every - face_parts.AROUND_THE_FACE - face_parts.AGE - face_parts.GENDER))
    change = change + _less_patchy(pictures, change, even, planes(gone(face_parts.AGE)))

    beside = BESIDE * _outside(pictures) * (1 - wall) * planes(new(face_parts.GENDER))
    change = change - beside * _lighter_below(pictures, change) * planes(~new(LIGHT_HAIR))
    change = change * (1 - beside * (1 - _above(ENDS, pictures)))
    change = change - _too_light(pictures, change) * _outside(pictures)

    forehead = bare * _brow(pictures) * planes(~(gone(face_parts.BARE) | new(face_parts.COVERED)))
    eyes = face_parts.eyes(pictures) * planes(~changed(every - face_parts.LEAVES_THE_EYES))
    change = change * (1 - BROW * forehead) * (1 - EYES * eyes)
    return torch.where(hair | in_the_face, (pictures + change).clamp(-1, 1), pictures)


def without_blue(pictures: Tensor, change: Tensor) -> Tensor:
    """Less of what makes a pixel bluer or greener than skin or hair is where it was not."""
    more = more_unnatural(pictures, pictures + change)
    return change - torch.cat([torch.zeros_like(more[:, :1]), more.cumsum(dim=1)], dim=1)


def _mean_light(change: Tensor, face: Tensor) -> Tensor:
    """(N, 1, 1, 1), over the face (N, 1, S, S)."""
    whole = (lightness(change) * face).sum(dim=(2, 3), keepdim=True)
    return whole / face.sum(dim=(2, 3), keepdim=True).clamp(min=1)


def _less_patchy(pictures: Tensor, change: Tensor, even: Tensor, older: Tensor) -> Tensor:
    """What to add to a change so that patches of skin (`even`, (N, 1, S, S)) get at most so much lighter or darker, and
    hardly darker around the mouth of those who are to be `older` (N, 1, 1, 1)."""
    light = face_parts.around(face_parts.around(lightness(change), 2), 2)
    darker = (-light).clamp(min=0) * face_parts.soft(MOUTH, 1.2, 4, pictures) * older
    allowed = MOST * torch.tanh((light + LIP * darker) / MOST)
    where = torch.maximum(face_parts.full_face(pictures), face_parts.forehead(pictures))
    return (allowed - light) * even * where


def _lighter_below(pictures: Tensor, change: Tensor) -> Tensor:
    """How much lighter it gets in the lower half, (N, 1, S, S), from 0 up."""
    return lightness(change).clamp(min=0) * (1 - _above(0, pictures))


def _too_light(pictures: Tensor, change: Tensor) -> Tensor:
    """How much lighter than both the picture and `FAIR` it gets, (N, 1, S, S), from 0 up."""
    return (lightness(pictures + change) - lightness(pictures).clamp(min=FAIR)).clamp(min=0)


def _brow(pictures: Tensor) -> Tensor:
    """(S, S), in [0, 1]: the forehead and between the brows, without the eyes."""
    return face_parts.forehead(pictures) * _above(BROWS, pictures) * (1 - face_parts.eyes(pictures))


def _outside(pictures: Tensor) -> Tensor:
    return 1 - face_parts.soft(face_parts.OUTER_FACE, 1.2, 5, pictures)


def _above(down: float, pictures: Tensor) -> Tensor:
    """(S, 1): 1 above, 0 below."""
    return torch.sigmoid((down - face_parts.line(pictures)) * 30)[:, None]
