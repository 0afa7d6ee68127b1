"""Whatever a picture file holds -> 8-bit sRGB and, where there is one, the alpha plane."""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

WIDE_MODES = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")
PROFILE_TOLERANCE = 2  # of 255: a profile that moves no colour further is sRGB under another name


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


def to_srgb(colours: Image.Image, profile: bytes | None) -> Image.Image:
    """Colours of `split`, through the file's ICC profile where it has a usable one -> RGB in sRGB."""
    transform = _transform(profile, colours.mode) if profile else None
    if transform is None and colours.mode == "LAB":
        transform = _lab_transform()
    if transform is None:
        return colours.convert("RGB")
    converted = ImageCms.applyTransform(colours, transform)
    return converted if converted is not None else colours


@lru_cache(maxsize=32)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """To sRGB; None where the profile is broken, is meant for another mode, or is sRGB anyway."""
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
        if mode != "RGB":
            return transform
        levels = np.stack(np.meshgrid(*[np.linspace(0, 255, 6)] * 3), axis=-1).astype(np.uint8).reshape(6, 36, 3)
        moved = np.asarray(ImageCms.applyTransform(Image.fromarray(levels), transform)).astype(int)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
    return transform if np.abs(moved - levels).max() > PROFILE_TOLERANCE else None


@lru_cache(maxsize=1)
def _lab_transform() -> ImageCms.ImageCmsTransform:
    return ImageCms.buildTransform(ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB")
