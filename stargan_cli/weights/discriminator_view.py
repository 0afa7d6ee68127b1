"""The part of a picture that a discriminator reads labels from: the average view that it had in training."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch.nn.functional as F
from torch import Tensor

from stargan_cli.errors import WeightsError
from stargan_cli.weights.card import Card
from stargan_cli.weights.card_checks import is_square

KEY = "reading_square"


def reading_square(card: Card) -> Callable[[Tensor], Tensor]:
    """A function from pictures (N, 3, S, S) to the discriminator's input, of the same shape.

    The card's preprocessing may name the part, as [left, top, side] in fractions of the picture's side (older weights
    do); otherwise it is the whole picture. Raises WeightsError where it is no square inside the picture.
    """
    values = card.preprocessing.get(KEY)
    if values is None:
        return lambda pictures: pictures
    if not is_square(values):
        raise WeightsError(f"the weights' card says {KEY} {values!r}: not a square inside the picture")
    return lambda pictures: square_of(pictures, values)


def square_of(pictures: Tensor, square: Sequence[float]) -> Tensor:
    """The part `square` ([left, top, side], in fractions of the side) of pictures (N, 3, S, S), S wide again."""
    size = pictures.shape[-1]
    left, top, side = (round(value * size) for value in square)
    part = pictures[..., top : top + side, left : left + side]
    return F.interpolate(part, (size, size), mode="bilinear", align_corners=False)
