"""Whatever a picture file holds -> 8 bit, in few modes, and, where there is one, the alpha plane."""

from __future__ import annotations

import numpy as np
from PIL import Image

WIDE_MODES = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")


def split(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """The colours (mode RGB, L, CMYK or LAB, 8 bit, not yet colour-managed) and the alpha plane (L, or None if opaque).

    Colours under fully transparent pixels are nobody's: they become white.
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
    """16- and 32-bit integers and floats -> 8 bit, scaled by the range that the numbers are in, never clipped.

    Integers are taken for 16 bit (for 32 bit where any is larger); floats for 0..1, else 0..255, else 0..65535,
    else their own largest number is white. NaN and negative numbers are black.
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
