"""Split a decoded picture of any mode into 8-bit colours (in few modes) and the alpha plane."""

from __future__ import annotations

import numpy as np
from PIL import Image

from stargan_cli.errors import PictureError
from stargan_cli.pictures.tiff_pages import tags_of

BITS, SAMPLE_FORMAT = 258, 339  # tags of TIFF
SIGNED = 2  # a value of SAMPLE_FORMAT
USUAL = 0.999  # of the values
OVERSHOOT = 1.5  # times white: floats that were resampled or edited exceed it here and there
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
        return _split_alpha(image.convert("LA" if image.mode in ("L", "LA", "La") else "RGBA"))
    return image.convert("RGB"), None


def _split_alpha(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    alpha = image.getchannel("A")
    colours = image.convert(image.mode.removesuffix("A"))
    lowest, _ = alpha.getextrema()
    if lowest == 255:
        return colours, None
    colours.paste("white", mask=alpha.point(lambda value: 255 if value == 0 else 0))
    return colours, alpha


def _narrow(image: Image.Image) -> Image.Image:
    """16- and 32-bit integers and floats -> 8 bit, scaled by their range. A thousandth of the values may lie above it.

    White is 65535 for 16-bit integers (32767 if they are signed), the first of 255, 65535 and the largest possible that
    32-bit integers do not exceed, and of 1, 255, 65535 and the largest there is for floats. NaN, infinite and negative
    floats are black. Raises PictureError for negative integers.
    """
    values = np.asarray(image)
    tags = tags_of(image)
    if image.mode == "F":
        values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0).clip(min=0)
        white = _white(np.quantile(values, USUAL) / OVERSHOOT, (1.0, 255.0, 65535.0), float(values.max()))
    else:
        signed, bits = SIGNED in tags.get(SAMPLE_FORMAT, ()), max(tags.get(BITS, (16,)))
        if values.dtype == np.int32 and values.min() < 0:
            if signed:
                raise PictureError("some of its numbers are negative: save it with 8 or 16 bits, without sign")
            values = values.view(np.uint32)
        most = 2.0 ** (bits - signed) - 1
        white = (
            _white(np.quantile(values, USUAL), (255.0, 65535.0), most) if bits == 32 else max(most, float(values.max()))
        )
    return Image.fromarray((values * np.float64(255.0 / white)).round().clip(max=255).astype(np.uint8))


def _white(usual: float, limits: tuple[float, ...], top: float) -> float:
    return next((limit for limit in limits if usual <= limit), top)
