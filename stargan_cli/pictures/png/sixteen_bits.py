"""Read and write 16-bit PNG with colours or alpha. Pillow reads only 8 of the 16 bits, and cannot write them."""

from __future__ import annotations

import struct
import zlib
from typing import BinaryIO

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from stargan_cli.pictures.png.chunks import SIGNATURE, chunk, chunks

_HEADER = struct.Struct(">8x8xIIBB2xB")  # after the signature: width, height, bits, kind of colour, interlaced or not
_CHANNELS = {2: 3, 4: 2, 6: 4}  # by kind of colour, for those that Pillow decodes to 8 bits
_STRIP = 1 << 22  # bytes compressed at once
LEVEL = 1  # of compression, as for other PNG files: speed first


def read(file: BinaryIO, opened: Image.Image) -> np.ndarray | None:
    """The pixels of a PNG file that Pillow has opened and decoded: uint16 (H, W, C).

    A colour that the file declares transparent becomes an alpha channel. None for other depths, and for interlaced
    files with colours or alpha. None too for grey without transparency, of which Pillow reads all 16 bits.
    """
    if not isinstance(opened, PngImageFile) or opened.tell():
        return None
    transparent = opened.info.get("transparency")
    if opened.mode.startswith("I;16"):
        return None if transparent is None else _with_alpha(np.asarray(opened)[..., None], transparent)
    file.seek(0)
    width, height, bits, colour, interlaced = _HEADER.unpack(file.read(_HEADER.size))
    if bits != 16 or interlaced or colour not in _CHANNELS or (width, height) != opened.size:
        return None
    file.seek(0)
    packed = b"".join(body for kind, body in chunks(file.read()) if kind == b"IDAT")
    channels = _CHANNELS[colour]
    length = height * (1 + 2 * channels * width)
    rows = np.frombuffer(zlib.decompressobj().decompress(packed, length), np.uint8)
    if len(rows) < length:
        return None
    rows = rows.reshape(height, -1)
    pixels = _unfiltered(rows[:, 1:].reshape(height, width, 2 * channels), rows[:, 0])
    numbers: np.ndarray = pixels.view(">u2").astype(np.uint16)
    return numbers if transparent is None else _with_alpha(numbers, transparent)


def _with_alpha(colours: np.ndarray, transparent: int | tuple[int, ...]) -> np.ndarray:
    """(H, W, C) and the colour that is fully transparent -> (H, W, C + 1)."""
    opaque = (colours != np.array(transparent, np.uint16)).any(axis=2, keepdims=True)
    return np.concatenate([colours.astype(np.uint16), opaque.astype(np.uint16) * np.uint16(65535)], axis=2)


def _unfiltered(rows: np.ndarray, filters: np.ndarray) -> np.ndarray:
    """Undo the row filters (PNG specification, 9.2): filtered bytes (H, W, B), the filter of each row -> pixels.

    A pixel depends on those to its left, above and above left, so whole diagonals are computed at once.
    """
    height, width, size = rows.shape
    out: np.ndarray = rows.copy()
    line, lean = out.strides[0], out.strides[0] - out.strides[1]
    # the pixels of the last diagonal and of the one before it, by row; row 0 is above the picture
    last, before = (np.zeros((height + 1, size), np.int16) for _ in range(2))
    kinds = [(filters == kind)[:, None] for kind in range(5)]
    for diagonal in range(height + width - 1):
        top, end = max(0, diagonal - width + 1), min(height, diagonal + 1)
        start = out.reshape(-1)[top * line + (diagonal - top) * size :]
        pixels = np.lib.stride_tricks.as_strided(start, (end - top, size), (lean, 1))
        left, above, corner = last[top + 1 : end + 1], last[top:end], before[top:end]
        if diagonal < height:
            left[-1] = 0  # the first pixel of its row: nothing to its left or above left
            corner = corner.copy()
            corner[-1] = 0
        part = [kind[top:end] for kind in kinds]
        guess = part[1] * left + part[2] * above + part[3] * ((left + above) >> 1)
        guess += part[4] * _paeth(left, above, corner)
        pixels += guess.astype(np.uint8)
        before[:] = last
        last[top + 1 : end + 1] = pixels
    return out


def _paeth(left: np.ndarray, above: np.ndarray, corner: np.ndarray) -> np.ndarray:
    """Which of the three is nearest to left + above - corner."""
    to_left, to_above = np.abs(above - corner), np.abs(left - corner)
    to_corner = np.abs(left + above - 2 * corner)
    nearest = np.where(to_above <= to_corner, above, corner)
    found: np.ndarray = np.where((to_left <= to_above) & (to_left <= to_corner), left, nearest)
    return found


def with_pixels(frame: bytes, values: np.ndarray) -> bytes:
    """Return a PNG file with the pixels `values`, uint16 (H, W, C), and the metadata of `frame`: a PNG file that Pillow
    wrote, 8 bit, of the same mode and any size."""
    height, width, _ = values.shape
    out = [SIGNATURE]
    for kind, body in chunks(frame):
        if kind == b"IHDR":
            body = struct.pack(">IIB", width, height, 16) + body[9:]
        if kind == b"IDAT":
            body = _packed(values)
        out.append(chunk(kind, body))
    return b"".join(out)


def _packed(values: np.ndarray) -> bytes:
    """Rows of big-endian numbers, each row as differences from the pixel on the left (filter 1), compressed."""
    height, width, channels = values.shape
    step = 2 * channels
    rows = max(1, _STRIP // (step * width))
    packer, out = zlib.compressobj(LEVEL), []
    for top in range(0, height, rows):
        plain = values[top : top + rows].astype(">u2").view(np.uint8).reshape(-1, step * width)
        lines = np.empty((len(plain), 1 + step * width), np.uint8)
        lines[:, 0], lines[:, 1 : 1 + step] = 1, plain[:, :step]
        np.subtract(plain[:, step:], plain[:, :-step], out=lines[:, 1 + step :])
        out.append(packer.compress(lines.tobytes()))
    return b"".join([*out, packer.flush()])
