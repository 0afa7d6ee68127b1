"""Choose the pixels that a format can hold: the source file's own, else the same in 8 bits, else in sRGB."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PIL import Image

from stargan_cli.pictures.formats import PictureFormat
from stargan_cli.pictures.native_pixels import NativePixels

FREQUENT = 160  # colours kept exactly, of a palette's 256


class OutputPixels(NamedTuple):
    """What is to be written. `deep`, uint16 (H, W, C), has the pixels if it is given; `image` then only has their
    mode."""

    image: Image.Image
    icc: bytes | None
    deep: np.ndarray | None = None


def output_pixels(
    format: PictureFormat, image: Image.Image, alpha: Image.Image | None, native: NativePixels | None, icc: bytes | None
) -> OutputPixels:
    """Choose what to write: `native` if the format can hold it, else the same in 8 bits, else `image`.

    `image` is RGB in sRGB, `alpha` its alpha plane (L, same size), `icc` an sRGB profile, and `native` the same picture
    as the source file stores it. For a format without alpha, the picture is laid on white.
    """
    for numbers in () if native is None else (native, native.narrowed()):
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


def _holds(format: PictureFormat, native: NativePixels) -> bool:
    if native.mode not in format.modes or (native.icc is not None and not format.icc):
        return False
    return native.bits == 8 or native.mode + ("" if native.alpha is None else "A") in format.deep_modes


def _own(format: PictureFormat, native: NativePixels) -> OutputPixels:
    values, alpha = native.values, native.alpha
    if alpha is not None and not format.alpha:
        share = alpha[..., None] / np.float32(255)
        values, alpha = (255 + (values - np.float32(255)) * share).round().astype(np.uint8), None
    if alpha is not None:
        values = np.concatenate([values, alpha[..., None]], axis=2)
    mode = native.mode if alpha is None else native.mode + "A"
    if native.bits == 16 and format.name == "PNG":
        return OutputPixels(Image.new(mode, (1, 1)), native.icc, values)
    if values.shape[2] == 1:
        return OutputPixels(Image.fromarray(values[..., 0]), native.icc)
    return OutputPixels(_image(mode, values), native.icc)


def _image(mode: str, values: np.ndarray) -> Image.Image:
    size = values.shape[1], values.shape[0]
    return Image.frombytes(mode, size, np.ascontiguousarray(values).tobytes())


def in_palette(image: Image.Image) -> Image.Image:
    """Convert RGB or RGBA to mode P (at most 256 colours), without loss if the picture has no more. Pixels less than
    half opaque become transparent.

    If the FREQUENT most frequent colours cover half of the pixels, as in a partly changed GIF, they stay exact. Pixels
    of other colours are dithered (Floyd-Steinberg).
    """
    colours = np.asarray(image.convert("RGB")).astype(np.uint32)
    packed = colours[..., 0] << 16 | colours[..., 1] << 8 | colours[..., 2]
    clear = np.asarray(image)[..., 3] < 128 if image.mode == "RGBA" else np.zeros(packed.shape, bool)
    room = 255 if clear.any() else 256
    packed[clear] = packed[~clear][0] if not clear.all() else 0  # so that transparent pixels add no colour
    found, places, counts = np.unique(packed, return_inverse=True, return_counts=True)
    places = places.reshape(packed.shape)
    values = np.stack([found >> 16, found >> 8 & 255, found & 255], axis=1).astype(np.uint8)
    if len(found) > room:
        made = _dithered(values, places, _frequent(counts), room)
    else:
        made = Image.fromarray(places.astype(np.uint8))
        made.putpalette(values.tobytes())
    if clear.any():
        made.paste(255, mask=Image.fromarray(clear))
        made.info["transparency"] = 255
    return made


def _frequent(counts: np.ndarray) -> np.ndarray:
    """Return the indices of the FREQUENT most frequent colours if they cover half of the pixels, else none."""
    kept = np.argsort(-counts, kind="stable")[:FREQUENT]
    return kept if 2 * counts[kept].sum() >= counts.sum() else kept[:0]


def _dithered(values: np.ndarray, places: np.ndarray, kept: np.ndarray, room: int) -> Image.Image:
    """Reduce the picture `values[places]`, uint8 (N, 3) and (H, W), to `room` colours; those of `kept` stay exact."""
    exact = np.full(len(values), -1)
    exact[kept] = np.arange(len(kept))
    others = Image.fromarray(values[places[exact[places] < 0]][None])
    best = others.quantize(room - len(kept), Image.Quantize.FASTOCTREE).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette(values[kept].tobytes() + bytes(best[: 3 * (room - len(kept))]))
    made = np.asarray(Image.fromarray(values[places]).quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG))
    whole = Image.fromarray(np.where(exact[places] < 0, made, exact[places]).astype(np.uint8))
    whole.putpalette(palette.getpalette() or [])
    return whole
