"""Native pixels: a picture's colours, depth and alpha as its file stores them; and how to apply a change to them.

The networks see and change the 8-bit sRGB picture. If the output format can hold them, the native pixels are written
instead: unchanged ones to the bit, the others shifted by as much as their colour in sRGB.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from stargan_cli.pictures.colour.icc import colours_of
from stargan_cli.pictures.modes import split

Box = tuple[int, int, int, int]
_WITHOUT_ALPHA = {"LA": "L", "La": "L", "RGBA": "RGB", "RGBa": "RGB"}


@dataclass(frozen=True)
class NativePixels:
    """Upright pixels: `values` uint8 or uint16 (H, W, C), the channels of `mode` (L, RGB, CMYK or LAB), and `alpha`
    (H, W) of the same type (None: opaque). `icc` is the file's profile, if it is usable."""

    mode: str
    values: np.ndarray
    alpha: np.ndarray | None
    icc: bytes | None

    @property
    def size(self) -> tuple[int, int]:
        return self.values.shape[1], self.values.shape[0]

    @property
    def bits(self) -> int:
        return 8 * self.values.itemsize

    @property
    def nbytes(self) -> int:
        return self.values.nbytes + (0 if self.alpha is None else self.alpha.nbytes)

    def copy(self) -> NativePixels:
        """A copy whose `values` can be changed."""
        return replace(self, values=self.values.copy())

    def turned(self, turn: Image.Transpose) -> NativePixels:
        """The same pixels, turned as by Pillow's `transpose`."""
        alpha = None if self.alpha is None else _turned(self.alpha, turn)
        return replace(self, values=_turned(self.values, turn), alpha=alpha)

    def narrowed(self) -> NativePixels:
        """The same pixels in 8 bits."""
        if self.bits == 8:
            return self
        alpha = None if self.alpha is None else _eight_bits(self.alpha)
        return replace(self, values=_eight_bits(self.values), alpha=alpha)

    def change(self, box: Box, before: np.ndarray, after: np.ndarray) -> None:
        """Apply a change within a box, in place: it turns the sRGB colours `before`, uint8 (h, w, 3), into `after`,
        float32 in [0, 255]. Fully transparent pixels stay as they are."""
        left, top, right, bottom = box
        part = self.values[top:bottom, left:right]
        step = self._step(part, before, after)
        if self.alpha is not None:
            step *= self.alpha[top:bottom, left:right, None] > 0
        moved = part + step
        part[:] = (moved if moved.dtype == np.int16 else np.rint(moved)).clip(0, np.iinfo(part.dtype).max)

    def _step(self, part: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """Return what is added to the numbers in a box, (h, w, C). With 8 bits, `after` is rounded first, so that a
        pixel that rounds to its old colour does not change. int16 where possible: that takes half the time of float."""
        colours, rounded = colours_of(self.icc, self.mode), np.rint(after).astype(np.uint8)
        if self.mode == "L" and colours.back is not None:
            levels = np.arange(256, dtype=np.uint8)[None, :, None].repeat(3, axis=2)
            curve = colours.from_srgb(levels)[0, :, 0]
            exact = after if self.bits > 8 else rounded
            old, new = (np.interp(values[..., :1], np.arange(256), curve) for values in (before, exact))
        elif colours.back is not None:
            old, new = colours.from_srgb(before).astype(np.int16), colours.from_srgb(rounded).astype(np.int16)
        elif self.mode == "CMYK":
            wanted = rounded.astype(np.float32)
            old, new = part.astype(np.float32), _inked(part, wanted, (rounded != before).any(axis=2))
        else:
            old, new = before.astype(np.int16), after if self.bits > 8 else rounded.astype(np.int16)
            if self.mode == "L":
                old, new = old[..., :1], new[..., :1]
        step: np.ndarray = new - old
        return step if self.bits == 8 else step * np.float32(np.iinfo(part.dtype).max / 255)


def _inked(inks: np.ndarray, wanted: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """Return inks (h, w, 4) that give the colours `wanted` where `moved`, in Pillow's plain CMYK: (255 - C)(255 - K) /
    255. Black stays as it was, unless that is too dark for the brightest channel."""
    black = np.minimum(inks[..., 3:], 255 - wanted.max(axis=2, keepdims=True))
    rest = 255 - 255 * wanted / np.maximum(255 - black, 1)
    result: np.ndarray = np.where(moved[..., None], np.concatenate([rest.round(), black], axis=2), inks)
    return result


def native_pixels_of(image: Image.Image, profile: bytes | None, deep: np.ndarray | None = None) -> NativePixels | None:
    """Return the native pixels of a loaded picture; None if it is 8-bit sRGB without alpha, or if its profile has no
    transform from sRGB.

    `deep`: its 16-bit numbers (H, W, C), if Pillow reads only 8 bits of each.
    """
    plain = image.mode == "RGB" and deep is None and "transparency" not in image.info
    if plain and colours_of(profile, "RGB").forth is None:
        return None
    mode, values, alpha = _numbers(image, deep)
    colours = colours_of(profile, mode)
    return NativePixels(mode, values, alpha, profile if colours.usable else None) if colours.returns else None


def _numbers(image: Image.Image, deep: np.ndarray | None) -> tuple[str, np.ndarray, np.ndarray | None]:
    """Mode, values (H, W, C) and alpha (H, W)."""
    if deep is not None:
        colours = deep.shape[2] - 1 if deep.shape[2] in (2, 4) else deep.shape[2]
        alpha = deep[..., colours] if deep.shape[2] > colours else None
        return "L" if colours == 1 else "RGB", deep[..., :colours], alpha
    if image.mode.startswith("I;16"):
        return "L", np.asarray(image).astype(np.uint16)[..., None], None
    if image.mode in ("1", "I", "F"):
        image = split(image)[0]
    if "transparency" in image.info or image.mode in ("LA", "La", "RGBA", "RGBa", "PA"):
        image = image.convert("LA" if image.mode in ("L", "LA", "La") else "RGBA")
        both = np.asarray(image)
        return _WITHOUT_ALPHA[image.mode], both[..., :-1].copy(), both[..., -1].copy()
    if image.mode not in ("L", "RGB", "CMYK", "LAB"):
        image = image.convert("RGB")
    values = np.asarray(image)
    return image.mode, values.reshape(*values.shape[:2], -1), None


def _eight_bits(values: np.ndarray) -> np.ndarray:
    narrow: np.ndarray = (values / np.float32(257)).round().astype(np.uint8)
    return narrow


def _turned(values: np.ndarray, turn: Image.Transpose) -> np.ndarray:
    kinds = Image.Transpose
    if turn in (kinds.TRANSPOSE, kinds.TRANSVERSE):
        values = values.swapaxes(0, 1)
        turned = values if turn is kinds.TRANSPOSE else values[::-1, ::-1]
    elif turn is kinds.FLIP_LEFT_RIGHT:
        turned = values[:, ::-1]
    elif turn is kinds.FLIP_TOP_BOTTOM:
        turned = values[::-1]
    else:
        quarters = {kinds.ROTATE_90: 1, kinds.ROTATE_180: 2, kinds.ROTATE_270: 3}[turn]
        turned = np.rot90(values, quarters)
    return np.ascontiguousarray(turned)
