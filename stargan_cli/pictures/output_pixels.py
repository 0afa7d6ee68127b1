"""Which pixels a format can hold: a source's own numbers where they fit, else the same in 8 bits, else in sRGB."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PIL import Image

from stargan_cli.pictures.native_pixels import Stored

_MODES = {
    "PNG": ("L", "RGB"),
    "JPEG": ("L", "RGB", "CMYK"),
    "TIFF": ("L", "RGB", "CMYK", "LAB"),
    "WEBP": ("RGB",),
    "BMP": ("L", "RGB"),
}
_WITHOUT_ALPHA = ("BMP", "JPEG")
_WITHOUT_PROFILES = ("BMP",)


class Fitting(NamedTuple):
    """What Pillow is to write. Where `deep`, uint16 (H, W, C), is given, those are the pixels, and `image` only has
    their mode."""

    image: Image.Image
    icc: bytes | None
    deep: np.ndarray | None = None


def fitting(
    kind: str, image: Image.Image, alpha: Image.Image | None, stored: Stored | None, icc: bytes | None
) -> Fitting:
    """For a format (see `writing.OUTPUT_SUFFIXES`): of a picture in sRGB with the alpha plane and the profile that it
    carries, and of the same picture in its source's own numbers, where there are such. Without room for alpha it lies
    on white."""
    for numbers in () if stored is None else (stored, stored.narrowed()):
        if _holds(kind, numbers):
            return _own(kind, numbers)
    if alpha is None:
        return Fitting(image, None if kind in _WITHOUT_PROFILES else icc)
    if kind in _WITHOUT_ALPHA:
        white = Image.new("RGB", image.size, (255, 255, 255))
        return Fitting(Image.composite(image, white, alpha), icc)
    image = image.copy()
    image.putalpha(alpha)
    return Fitting(image, icc)


def _holds(kind: str, stored: Stored) -> bool:
    if stored.mode not in _MODES[kind] or (stored.icc is not None and kind in _WITHOUT_PROFILES):
        return False
    return stored.bits == 8 or kind == "PNG" or (kind == "TIFF" and stored.mode == "L" and stored.alpha is None)


def _own(kind: str, stored: Stored) -> Fitting:
    values, alpha = stored.values, stored.alpha
    if alpha is not None and kind in _WITHOUT_ALPHA:
        share = alpha[..., None] / np.float32(255)
        values, alpha = (255 + (values - np.float32(255)) * share).round().astype(np.uint8), None
    if alpha is not None:
        values = np.concatenate([values, alpha[..., None]], axis=2)
    mode = stored.mode if alpha is None else stored.mode + "A"
    if stored.bits == 16 and kind == "PNG":
        return Fitting(Image.new(mode, (1, 1)), stored.icc, values)
    if values.shape[2] == 1:
        return Fitting(Image.fromarray(values[..., 0]), stored.icc)
    return Fitting(_image(mode, values), stored.icc)


def _image(mode: str, values: np.ndarray) -> Image.Image:
    size = values.shape[1], values.shape[0]
    return Image.frombytes(mode, size, np.ascontiguousarray(values).tobytes())
