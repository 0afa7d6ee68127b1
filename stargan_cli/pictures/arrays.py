"""Picture <-> uint8 array, with NumPy and Pillow only: worker processes that hold pictures load no torch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stargan_cli.pictures.reading import centre_square

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]


def to_array(image: Image.Image) -> Pixels:
    """RGB picture -> uint8 (3, height, width), a copy."""
    return np.array(np.asarray(image).transpose(2, 0, 1), order="C")


def to_image(pixels: Pixels) -> Image.Image:
    """uint8 (3, height, width) -> RGB picture."""
    return Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))


def to_square(image: Image.Image, size: int) -> Pixels:
    """The largest centred square of an RGB picture, resized (bilinear, antialiased): uint8 (3, size, size)."""
    return to_array(image if image.size == (size, size) else centre_square(image, size))
