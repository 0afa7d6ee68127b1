"""Colour management with ICC profiles: a file's colours -> 8-bit sRGB, and back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

TOLERANCE = 2  # of 255: a profile that changes no colour by more counts as sRGB

MIDDLE = 128  # of 255: a profile that makes black brighter in a channel, or white darker, is broken
FALL = 64  # of 765: the same if a grey comes out darker than a darker grey by more; that of XYB (JPEG XL) reaches 21


@dataclass(frozen=True)
class Colours:
    """The colour space of a picture of `mode` (RGB, L, CMYK or LAB, 8 bit).

    `usable`: the file's profile is valid and made for that mode. `forth` and `back` transform to 8-bit sRGB and from
    it. Both are None if the pixels are sRGB, or have no profile and Pillow converts them. `back` is also None if the
    profile has no inverse, as many scanner profiles, or a wrong one, as that of XYB.
    """

    mode: str
    usable: bool = False
    forth: ImageCms.ImageCmsTransform | None = None
    back: ImageCms.ImageCmsTransform | None = None

    @property
    def returns(self) -> bool:
        """Whether sRGB can be converted back to these colours."""
        return self.forth is None or self.back is not None

    def to_srgb(self, picture: Image.Image) -> Image.Image:
        """A picture of this mode -> RGB in sRGB."""
        return picture.convert("RGB") if self.forth is None else _through(picture, self.forth)

    def from_srgb(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 (h, w, 3) in sRGB -> uint8 (h, w, channels). Needs `back`."""
        if self.back is None:
            raise ValueError("there is no transform from sRGB to these colours")
        values = np.asarray(_through(Image.fromarray(pixels), self.back))
        return values.reshape(*values.shape[:2], -1)


def _through(picture: Image.Image, transform: ImageCms.ImageCmsTransform) -> Image.Image:
    converted = ImageCms.applyTransform(picture, transform)
    return converted if converted is not None else picture


@lru_cache(maxsize=32)
def colours_of(profile: bytes | None, mode: str) -> Colours:
    """The colour space of a file with this ICC profile and pixels of `mode`. An invalid profile counts as none."""
    if profile is not None:
        try:
            return _with_profile(ImageCms.ImageCmsProfile(BytesIO(profile)), mode)
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass
    if mode != "LAB":
        return Colours(mode)
    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    return Colours(
        mode, False, ImageCms.buildTransform(lab, srgb, mode, "RGB"), ImageCms.buildTransform(srgb, lab, "RGB", mode)
    )


def _with_profile(profile: ImageCms.ImageCmsProfile, mode: str) -> Colours:
    """Raises ValueError if the profile makes no greys of greys, PyCMSError if it is not of this mode."""
    srgb = ImageCms.createProfile("sRGB")
    forth = ImageCms.buildTransform(profile, srgb, mode, "RGB")
    if not _rise(_through(_greys(mode), forth)):
        raise ValueError("a picture would come out as noise")
    if mode == "RGB":
        levels = np.stack(np.meshgrid(*[np.linspace(0, 255, 6)] * 3), axis=-1).astype(np.uint8).reshape(6, 36, 3)
        moved = np.asarray(_through(Image.fromarray(levels), forth)).astype(int)
        if np.abs(moved - levels).max() <= TOLERANCE:
            return Colours(mode, True)
    try:
        back = ImageCms.buildTransform(srgb, profile, "RGB", mode)
        returns = _rise(_through(_through(_greys("RGB"), back), forth))
    except (ImageCms.PyCMSError, OSError):
        return Colours(mode, True, forth)
    return Colours(mode, True, forth, back if returns else None)


def _greys(mode: str) -> Image.Image:
    """All greys of a mode, from black to white in each row. CMYK has two rows: of black ink, and of the other three."""
    up = np.arange(256, dtype=np.uint8)
    none, ink = np.zeros_like(up), up[::-1]
    rows: dict[str, list[list[np.ndarray]]] = {
        "RGB": [[up, up, up]],
        "L": [[up]],
        "LAB": [[up, none, none]],
        "CMYK": [[none, none, none, ink], [ink, ink, ink, none]],
    }
    values = np.array(rows[mode]).swapaxes(1, 2)
    return Image.frombytes(mode, (values.shape[1], values.shape[0]), values.tobytes())


def _rise(shown: Image.Image) -> bool:
    """Whether each row of a picture, RGB in sRGB, rises from dark to bright, as `_greys` do."""
    values = np.asarray(shown).astype(int)
    brightness = values.sum(axis=2)
    falls = np.maximum.accumulate(brightness, axis=1) - brightness
    return bool(values[:, 0].max() < MIDDLE <= values[:, -1].min() and falls.max() <= FALL)
