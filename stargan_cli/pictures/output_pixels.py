"""Choose the pixels that a format can hold: the source file's own, else the same in 8 bits, else in sRGB."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from PIL import Image

from stargan_cli.pictures.formats import PictureFormat
from stargan_cli.pictures.native_pixels import NativePixels

FREQUENT = 160  # colours kept exactly, of a palette's 256
STRIP = 1 << 20  # pixels counted at once: to count them takes about 30 bytes each
COLOURS = 1 << 24  # of 8 bits a channel: tables of them take memory only where they are used


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
    clear = image.getchannel("A").point(lambda value: 255 if value < 128 else 0) if image.mode == "RGBA" else None
    if clear is None or clear.getbbox() is None:
        return _reduced(image if image.mode == "RGB" else image.convert("RGB"), 256)
    opaque = image.convert("RGB")
    opaque.paste(_first_opaque(image), mask=clear)  # so that transparent pixels add no colour
    made = _reduced(opaque, 255)
    made.paste(255, mask=clear)
    made.info["transparency"] = 255
    return made


def _first_opaque(image: Image.Image) -> tuple[int, ...]:
    """The colour of the first pixel of an RGBA picture that is at least half opaque; black if there is none."""
    opaque = np.asarray(image.getchannel("A")) >= 128
    row, column = divmod(int(opaque.argmax()), image.width)
    pixel = image.getpixel((column, row))
    return pixel[:3] if isinstance(pixel, tuple) and opaque[row, column] else (0, 0, 0)


def _reduced(image: Image.Image, room: int) -> Image.Image:
    """Reduce an RGB picture to `room` colours."""
    counts, new = np.zeros(COLOURS, np.uint32), []
    for _, colours in _strips(image):
        own, times = np.unique(colours, return_counts=True)
        new.append(own[counts[own] == 0])
        counts[own] += times.astype(np.uint32)
    found = np.sort(np.concatenate(new))
    if len(found) > room:
        return _dithered(image, _frequent(found, counts[found]), room)
    numbers = np.zeros(COLOURS, np.uint8)
    numbers[found] = np.arange(len(found))
    made = np.empty((image.height, image.width), np.uint8)
    for rows, colours in _strips(image):
        made[rows] = numbers[colours]
    reduced = Image.fromarray(made)
    reduced.putpalette(_channels(found).tobytes())
    return reduced


def _strips(image: Image.Image) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield the rows of an RGB picture, about STRIP pixels at a time, and their colours: int32 (h, w), 0xRRGGBB."""
    height = max(1, STRIP // image.width)
    for top in range(0, image.height, height):
        rows = slice(top, min(top + height, image.height))
        values = np.asarray(image.crop((0, rows.start, image.width, rows.stop))).astype(np.int32)
        yield rows, values[..., 0] << 16 | values[..., 1] << 8 | values[..., 2]


def _frequent(found: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the FREQUENT most frequent of the colours found if they cover half of the pixels, else none."""
    kept = np.argsort(-counts.astype(np.int64), kind="stable")[:FREQUENT]
    return found[kept if 2 * counts[kept].sum() >= counts.sum() else kept[:0]]


def _dithered(image: Image.Image, kept: np.ndarray, room: int) -> Image.Image:
    """Reduce an RGB picture to `room` colours; those of `kept` (0xRRGGBB) stay exact."""
    numbers = np.zeros(COLOURS, np.uint8)  # 0: not kept
    numbers[kept] = np.arange(1, 1 + len(kept))
    others = image
    if len(kept):
        rest = [colours[numbers[colours] == 0] for _, colours in _strips(image)]
        others = Image.fromarray(_channels(np.concatenate(rest))[None])
    best = others.quantize(room - len(kept), Image.Quantize.FASTOCTREE).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette(_channels(kept).tobytes() + bytes(best[: 3 * (room - len(kept))]))
    made = np.array(image.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG))
    for rows, colours in _strips(image):
        exact = numbers[colours]
        made[rows] = np.where(exact == 0, made[rows], exact - 1)
    whole = Image.fromarray(made)
    whole.putpalette(palette.getpalette() or [])
    return whole


def _channels(colours: np.ndarray) -> np.ndarray:
    """0xRRGGBB (N) -> uint8 (N, 3)."""
    return np.stack([(colours >> shift).astype(np.uint8) for shift in (16, 8, 0)], axis=1)
