"""Picture file <-> the networks' input and output: one definition for train, translate, eval and export."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from stargan_cli.pictures.arrays import to_square
from stargan_cli.pictures.reading import read_picture

NOT_FINITE = "the network's output has NaN or infinite values"


def load_square(path: Path, size: int) -> Tensor:
    """The centred square of a picture, upright and in sRGB, resized: uint8 (3, size, size). Raises PictureError."""
    return torch.from_numpy(to_square(read_picture(path, square=size).image, size))


def to_model(pixels: Tensor) -> Tensor:
    """uint8 in [0, 255], any shape -> float32 in [-1, 1]."""
    return pixels.float().div_(127.5).sub_(1.0)


def finite(pictures: Tensor) -> Tensor:
    """Float (N, ...) -> whether all values of each are finite, bool (N,). `to_pixels` makes any number of NaN."""
    return pictures.isfinite().flatten(1).all(dim=1)


def to_pixels(pictures: Tensor) -> Tensor:
    """Float in [-1, 1], any shape -> uint8 in [0, 255], rounded to nearest."""
    return pictures.float().add(1.0).mul_(127.5).round_().clamp_(0, 255).to(torch.uint8)
