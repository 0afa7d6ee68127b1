"""Compose whole frames from the partial frames that GIF and APNG store.

Pillow composes two cases wrongly. It errs where two frames in a row are disposed of by restoring the previous canvas,
and it fills a cleared area with a colour instead of making it transparent.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Literal

from PIL import Image

from stargan_cli.pictures.modes import split
from stargan_cli.pictures.pillow import fixes
from stargan_cli.pictures.png.chunks import SIGNATURE, chunk, chunks

GIF_HEADER = 13  # bytes: signature and logical screen
MOST_OF_CANVAS = 4  # times the canvas's pixels: the largest frame that is decoded
After = Literal["keep", "clear", "restore"]
GIF_AFTER: dict[int, After] = {2: "clear", 3: "restore"}
APNG_AFTER: dict[int, After] = {1: "clear", 2: "restore"}


@dataclass(frozen=True)
class StoredFrame:
    """One stored frame: a `file` of it alone, its corner on the canvas (px), and how long it is shown (ms).

    `over`: the frame is blended over the canvas; otherwise it replaces its area. `after`: what happens to that area
    before the next frame.
    """

    file: bytes
    left: int
    top: int
    duration: float
    over: bool
    after: After


def whole_frames(parts: Iterator[StoredFrame], size: tuple[int, int]) -> Iterator[tuple[Image.Image, float]]:
    """Yield each composed frame (RGBA, `size`), and how long it is shown (ms)."""
    canvas = Image.new("RGBA", size)
    for part in parts:
        image = _decoded(part.file, MOST_OF_CANVAS * size[0] * size[1])
        before, place = canvas.copy(), (part.left, part.top)
        canvas.paste(image, place)
        if part.over:
            canvas = Image.alpha_composite(before, _alone(image, place, size))
        yield canvas.copy(), part.duration
        if part.after == "clear":
            canvas.paste((0, 0, 0, 0), (*place, part.left + image.width, part.top + image.height))
        elif part.after == "restore":
            canvas = before


def _alone(image: Image.Image, place: tuple[int, int], size: tuple[int, int]) -> Image.Image:
    canvas = Image.new("RGBA", size)
    canvas.paste(image, place)
    return canvas


def _decoded(file: bytes, most: int) -> Image.Image:
    data = BytesIO(file)
    with Image.open(data, formats=("GIF", "PNG")) as image:
        if image.width * image.height > most:
            raise ValueError(f"a frame of {image.width}x{image.height} is far larger than the picture")
        colours, alpha = split(fixes.loaded(data, image, deep=False)[0])
    whole = colours.convert("RGB")
    whole.putalpha(alpha or 255)
    return whole


def apng_parts(data: bytes) -> Iterator[StoredFrame]:
    """Yield the frames of an APNG file (PNG, third edition, 11.3.6). A default image that is no frame comes first."""
    found = chunks(data)
    shared = b"".join(chunk(kind, body) for kind, body in found if kind in (b"PLTE", b"tRNS"))
    header, control = found[0][1], b""
    pixels: list[bytes] = []
    for kind, body in found:
        if kind in (b"fcTL", b"IEND") and pixels:
            yield _apng_part(header, shared, control, b"".join(pixels))
            pixels = []
        if kind == b"fcTL":
            control = body
        elif kind in (b"IDAT", b"fdAT"):
            pixels.append(body if kind == b"IDAT" else body[4:])


def _apng_part(header: bytes, shared: bytes, control: bytes, pixels: bytes) -> StoredFrame:
    width, height = struct.unpack(">II", header[:8])
    left = top = parts = blend = 0
    after, units = 1, 100  # a default image that is no frame is cleared
    if control:
        width, height, left, top, parts, units, after, blend = struct.unpack(">IIIIHHBB", control[4:26])
    own = struct.pack(">II", width, height)
    if left + width > int.from_bytes(header[:4], "big") or top + height > int.from_bytes(header[4:8], "big"):
        raise ValueError("a frame reaches beyond the picture")
    parts_of_file = (chunk(b"IHDR", own + header[8:]), shared, chunk(b"IDAT", pixels), chunk(b"IEND", b""))
    file = SIGNATURE + b"".join(parts_of_file)
    return StoredFrame(file, left, top, 1000 * parts / (units or 100), bool(blend), APNG_AFTER.get(after, "keep"))


def gif_parts(data: bytes) -> Iterator[StoredFrame]:
    """Yield the frames of a GIF89a file. Bytes that start no block are skipped."""
    at = GIF_HEADER + _table_bytes(data[10])
    common, control = data[GIF_HEADER:at], b""
    while at < len(data) and data[at] != 0x3B:
        if data[at] == 0x21:
            if data[at + 1] == 0xF9:
                control = data[at + 3 : at + 7]
            at = after_blocks(data, at + 2)
        elif data[at] == 0x2C:
            own = at + 10 + _table_bytes(data[at + 9])
            end = after_blocks(data, own + 1)
            table = data[at + 10 : own] or common
            yield _gif_part(data[at : at + 10], table, data[own:end], control)
            at, control = end, b""
        else:
            at += 1


def _gif_part(descriptor: bytes, table: bytes, pixels: bytes, control: bytes) -> StoredFrame:
    left, top, width, height = struct.unpack("<HHHH", descriptor[1:9])
    flags = 0x80 | (len(table) // 3).bit_length() - 2 if table else 0
    file = b"GIF89a" + struct.pack("<HHBBB", width, height, flags, 0, 0) + table
    packed, delay, transparent = struct.unpack("<BHB", control) if control else (0, 0, 0)
    if packed & 1:
        file += b"!\xf9\x04" + struct.pack("<BHB", 1, 0, transparent) + b"\0"
    file += b"," + struct.pack("<HHHHB", 0, 0, width, height, descriptor[9] & 0x40) + pixels + b";"
    return StoredFrame(file, left, top, 10.0 * delay, True, GIF_AFTER.get(packed >> 2 & 7, "keep"))


def _table_bytes(flags: int) -> int:
    return 6 << (flags & 7) if flags & 0x80 else 0


def after_blocks(data: bytes, at: int) -> int:
    """Return the offset behind a sequence of GIF data blocks. Raises ValueError if the file ends before."""
    while at < len(data) and data[at]:
        at += 1 + data[at]
    if at >= len(data):
        raise ValueError("it ends within a frame")
    return at + 1
