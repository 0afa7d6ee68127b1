"""Which pixels a format can hold: the source file's numbers where they fit, else the same in 8 bits, else in sRGB."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PIL import Image

from stargan_cli.pictures.formats import PictureFormat
from stargan_cli.pictures.native_pixels import Stored


class OutputPixels(NamedTuple):
    """What Pillow is to write. Where `deep`, uint16 (H, W, C), is given, those are the pixels, and `image` only has
    their mode."""

    image: Image.Image
    icc: bytes | None
    deep: np.ndarray | None = None


def output_pixels(
    format: PictureFormat, image: Image.Image, alpha: Image.Image | None, stored: Stored | None, icc: bytes | None
) -> OutputPixels:
    """Choose what to write: `stored` where the format can hold it, else the same in 8 bits, else `image`.

    `image` is RGB in sRGB, `alpha` its alpha plane (L, same size), `icc` a profile that means sRGB, and `stored` the
    same picture as the source file holds it. A format without alpha gets the picture laid on white.
    """
    for numbers in () if stored is None else (stored, stored.narrowed()):
        if _holds(format, numbers):
            return _own(format, numbers)
    if alpha is None:
        return OutputPixels(image, icc if format.icc else None)
    if not format.alpha:
        white = Image.new("RGB", image.size, (255, 255, 255))
        return OutputPixels(Image.composite(image, white, alpha), icc if format.icc else None)
    image = image.copy()
    image.putalpha(alpha)
    return OutputPixels(image, icc)


def _holds(format: PictureFormat, stored: Stored) -> bool:
    if stored.mode not in format.modes or (stored.icc is not None and not format.icc):
        return False
    return stored.bits == 8 or stored.mode + ("" if stored.alpha is None else "A") in format.deep_modes


def _own(format: PictureFormat, stored: Stored) -> OutputPixels:
    values, alpha = stored.values, stored.alpha
    if alpha is not None and not format.alpha:
        share = alpha[..., None] / np.float32(255)
        values, alpha = (255 + (values - np.float32(255)) * share).round().astype(np.uint8), None
    if alpha is not None:
        values = np.concatenate([values, alpha[..., None]], axis=2)
    mode = stored.mode if alpha is None else stored.mode + "A"
    if stored.bits == 16 and format.name == "PNG":
        return OutputPixels(Image.new(mode, (1, 1)), stored.icc, values)
    if values.shape[2] == 1:
        return OutputPixels(Image.fromarray(values[..., 0]), stored.icc)
    return OutputPixels(_image(mode, values), stored.icc)


def _image(mode: str, values: np.ndarray) -> Image.Image:
    size = values.shape[1], values.shape[0]
    return Image.frombytes(mode, size, np.ascontiguousarray(values).tobytes())
