"""Which part of an aligned face a change leaves as it is.

Blond hair goes with light skin in most data sets, and long hair with women: a discriminator asks for lighter noses
wherever hair shall be blond, and for shadows beside the face wherever a man shall be a woman. What a change of hair
alone does to the face, and a change of the face alone to what surrounds it, is held against the generator
(`Objective.lambda_stay`).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

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
IN_BOTH = frozenset({"Attractive", "Blurry", "Chubby", "Pale_Skin", "Young"})
"""CelebA's attributes that show beside the face, and those that show there and in it; all others, and all classes of
folders, show in the face."""


def what_stays(pictures: Tensor, labels: Tensor, targets: Tensor, attributes: Sequence[str]) -> Tensor:
    """Pictures (N, 3, S, S), their labels and targets (N, k) -> bool (N, 1, S, S): the face where nothing changes that
    shows there, and its surroundings where nothing changes that shows in these."""
    changes = labels != targets
    face_changes = changes[:, [name not in AROUND_THE_FACE for name in attributes]].any(dim=1)
    surroundings_change = changes[:, [name in AROUND_THE_FACE | IN_BOTH for name in attributes]].any(dim=1)
    face, surroundings = _ellipse(*INNER_FACE, pictures) < 1, _ellipse(*OUTER_FACE, pictures) >= 1
    return (face & _planes(~face_changes)) | (surroundings & _planes(~surroundings_change))


def soft_face(pictures: Tensor) -> Tensor:
    """Pictures (N, 3, S, S) -> (S, S), in [0, 1]: 1 in most of an aligned face, 0 beside it."""
    return (2 - 2 * _ellipse(*OUTER_FACE, pictures)).clamp(0, 1)


def colour_stays(pictures: Tensor, labels: Tensor, targets: Tensor, attributes: Sequence[str]) -> Tensor:
    """Pictures (N, 3, S, S), their labels and targets (N, k) -> (N, 1, S, S), in [0, 1]: the face, and the whole
    picture where nothing changes that shows around the face alone (hair)."""
    around = [name in AROUND_THE_FACE for name in attributes]
    stays_around = (labels == targets)[:, around].all(dim=1)
    return torch.maximum(soft_face(pictures), _planes(stays_around).float())


def _planes(of_pictures: Tensor) -> Tensor:
    return of_pictures[:, None, None, None]


def _ellipse(across: float, down: float, half_width: float, half_height: float, pictures: Tensor) -> Tensor:
    """(S, S): 0 in the centre, 1 on the line, more outside."""
    side = pictures.shape[-1]
    line = (torch.arange(side, device=pictures.device) + 0.5) / side * 2 - 1
    return ((line - across) / half_width).square() + ((line[:, None] - down) / half_height).square()
