"""File <-> tensor: the one definition of preprocessing, shared by train, translate, eval and export."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from stargan_cli.pictures.reading import centre_square, read_picture


def load_square(path: Path, size: int) -> Tensor:
    """The centred square of a picture, upright and in sRGB, resized: uint8 (3, size, size). Raises PictureError."""
    return to_square(read_picture(path, square=size).image, size)


def to_square(image: Image.Image, size: int) -> Tensor:
    """The largest centred square of an RGB picture, resized (bilinear, antialiased): uint8 (3, size, size)."""
    return to_tensor(centre_square(image, size))


def to_tensor(image: Image.Image) -> Tensor:
    """RGB picture -> uint8 (3, height, width)."""
    # NumPy turns the axes: torch would start threads for it, in each of the reading threads, beside the network's own
    return torch.from_numpy(np.array(np.asarray(image).transpose(2, 0, 1), order="C"))


def to_image(pixels: Tensor) -> Image.Image:
    """uint8 (3, height, width) -> RGB picture."""
    return Image.fromarray(np.ascontiguousarray(pixels.cpu().numpy().transpose(1, 2, 0)))


def to_model(pixels: Tensor) -> Tensor:
    """uint8 in [0, 255], any shape -> float32 in [-1, 1]."""
    return pixels.float().div_(127.5).sub_(1.0)


def to_pixels(pictures: Tensor) -> Tensor:
    """Float in [-1, 1], any shape -> uint8 in [0, 255], rounded to nearest."""
    return pictures.float().add(1.0).mul_(127.5).round_().clamp_(0, 255).to(torch.uint8)


def lightness(pictures: Tensor) -> Tensor:
    """(..., 3, S, S) -> (..., 1, S, S): the luma of red, green, blue (ITU-R BT.601, as in Pillow), in their range."""
    red, green, blue = pictures.unbind(dim=-3)
    return (0.299 * red + 0.587 * green + 0.114 * blue).unsqueeze(-3)
