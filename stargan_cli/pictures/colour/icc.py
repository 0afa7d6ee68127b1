"""Colour management with ICC profiles: a file's colours -> 8-bit sRGB, and back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

TOLERANCE = 2  # of 255: a profile that changes no colour by more counts as sRGB

DARKEST_WHITE = 128  # a profile that makes white darker is broken


@dataclass(frozen=True)
class Colours:
    """The colour space of a picture of `mode` (RGB, L, CMYK or LAB, 8 bit).

    `usable`: the file's profile is valid and made for that mode. `forth` and `back` transform to 8-bit sRGB and from
    it. Both are None if the pixels are sRGB, or have no profile and Pillow converts them. `back` is also None if the
    profile has no inverse, as many scanner profiles.
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
    srgb = ImageCms.createProfile("sRGB")
    forth = ImageCms.buildTransform(profile, srgb, mode, "RGB")
    if mode == "RGB":
        levels = np.stack(np.meshgrid(*[np.linspace(0, 255, 6)] * 3), axis=-1).astype(np.uint8).reshape(6, 36, 3)
        moved = np.asarray(_through(Image.fromarray(levels), forth)).astype(int)
        if moved[-1, -1].max() < DARKEST_WHITE:
            return Colours(mode)
        if np.abs(moved - levels).max() <= TOLERANCE:
            return Colours(mode, True)
    try:
        back = ImageCms.buildTransform(srgb, profile, "RGB", mode)
    except ImageCms.PyCMSError:
        back = None
    return Colours(mode, True, forth, back)
