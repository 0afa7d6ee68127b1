"""File <-> tensor: the one definition of preprocessing, shared by train, translate, eval and export."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor


def load_square(path: Path, size: int) -> Tensor:
    """The centred square of a picture, resized: uint8 (3, size, size), RGB."""
    with Image.open(path) as image:
        return to_square(image.convert("RGB"), size)


def to_square(image: Image.Image, size: int) -> Tensor:
    """The largest centred square of an RGB picture, resized (bilinear, antialiased): uint8 (3, size, size)."""
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.resize((size, size), Image.Resampling.BILINEAR, box=(left, top, left + side, top + side))
    return torch.from_numpy(np.array(square)).permute(2, 0, 1).contiguous()


def to_model(pixels: Tensor) -> Tensor:
    """uint8 in [0, 255], any shape -> float32 in [-1, 1]."""
    return pixels.float().div_(127.5).sub_(1.0)


def to_pixels(pictures: Tensor) -> Tensor:
    """Float in [-1, 1], any shape -> uint8 in [0, 255], rounded to nearest."""
    return pictures.float().add(1.0).mul_(127.5).round_().clamp_(0, 255).to(torch.uint8)
