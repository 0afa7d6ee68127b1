"""Split a decoded picture of any mode into 8-bit colours (in few modes) and the alpha plane."""

from __future__ import annotations

import numpy as np
from PIL import Image

WIDE_MODES = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")


def split(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """The colours (mode RGB, L, CMYK or LAB, 8 bit, not yet colour-managed) and the alpha plane (L, or None if opaque).

    Fully transparent pixels become white.
    """
    if image.mode in WIDE_MODES:
        return _narrow(image), None
    if image.mode == "1":
        return image.convert("L"), None
    if image.mode in ("L", "RGB", "CMYK", "LAB") and "transparency" not in image.info:
        return image, None
    if image.mode in ("LA", "La", "RGBA", "RGBa", "PA") or "transparency" in image.info:
        return _split_alpha(image.convert("RGBA"))
    return image.convert("RGB"), None


def _split_alpha(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    alpha = image.getchannel("A")
    colours = image.convert("RGB")
    lowest, _ = alpha.getextrema()
    if lowest == 255:
        return colours, None
    colours.paste((255, 255, 255), mask=alpha.point(lambda value: 255 if value == 0 else 0))
    return colours, alpha


def _narrow(image: Image.Image) -> Image.Image:
    """16- and 32-bit integers and floats -> 8 bit, scaled by their range, never clipped.

    White is 65535 for integers, or 2^32 - 1 if any is larger. For floats it is the first of 1, 255 and 65535 that no
    value exceeds, else the largest value. NaN, infinite and negative floats are black.
    """
    values = np.asarray(image)
    if image.mode == "F":
        values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0).clip(min=0)
        top = float(values.max())
        white = next((limit for limit in (1.0, 255.0, 65535.0) if top <= limit), top)
    else:
        if values.dtype == np.int32 and values.min() < 0:
            values = values.view(np.uint32)
        white = 65535.0 if int(values.max()) <= 65535 else 4294967295.0
    return Image.fromarray((values * np.float64(255.0 / white)).round().astype(np.uint8))
