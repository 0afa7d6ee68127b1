"""Join encoded pictures into one file: a GIF, APNG or WebP animation, or a TIFF of several pages.

Each frame is encoded as a whole picture in a file of its own, and copied from there. Pillow's animation encoders would
drop a frame that equals the one before.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO
from itertools import islice
from typing import BinaryIO

from PIL.TiffImagePlugin import AppendingTiffWriter

from stargan_cli.pictures.composition import GIF_HEADER, after_blocks
from stargan_cli.pictures.png.chunks import SIGNATURE, chunk, chunks

FRAME_HEADER = 16  # bytes of WebP's ANMF chunk before the chunks of its picture
MOST_CHUNKS = 100_000  # read at most: a file of empty chunks would take long
KEPT, REMOVED = 1 << 2, 2 << 2  # GIF's disposal methods, as bits of a frame's flags
LOCAL_TABLE, INTERLACED = 0x80, 0x40  # bits of GIF's image descriptor
ICC, ALPHA, EXIF, XMP, ANIMATED = 0x20, 0x10, 0x08, 0x04, 0x02  # bits of WebP's VP8X
NO_BLENDING = 0x02  # a bit of ANMF


@dataclass(frozen=True)
class Timing:
    """How an animation is played: `plays` times (0: for ever), each frame for its duration (ms).

    `poster`: the first frame is shown only by programs that do not support animations.
    """

    plays: int
    durations: tuple[float, ...]
    poster: bool = False


def join_gif(files: Sequence[bytes], timing: Timing) -> bytes:
    """Return a GIF89a file with a colour table for each frame. A poster is left out.

    GIF stores the number of repetitions: a file that is played once stores none.
    """
    frames = [_gif_frame(file) for file in files][timing.poster :]
    durations = timing.durations[timing.poster :]
    out = [b"GIF89a", files[0][6:10], b"\0\0\0"]
    if timing.plays != 1:
        repetitions = min(max(timing.plays - 1, 0), 65_535)
        out.append(b"!\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<H", repetitions) + b"\0")
    after = KEPT if all(transparent is None for transparent, _ in frames) else REMOVED
    for (transparent, image), duration in zip(frames, durations, strict=True):
        flags = after | (transparent is not None)
        hundredths = min(round(duration / 10), 65_535)
        out += [b"!\xf9\x04", struct.pack("<BHB", flags, hundredths, transparent or 0), b"\0", image]
    return b"".join([*out, b";"])


def _gif_frame(file: bytes) -> tuple[int | None, bytes]:
    """Split a GIF file of one picture: its transparent colour (None: opaque), its image block with a colour table."""
    size = file[10] & 7
    at = GIF_HEADER + (6 << size)
    table, transparent = file[GIF_HEADER:at], None
    while file[at : at + 1] == b"!":
        if file[at + 1] == 0xF9 and file[at + 3] & 1:
            transparent = file[at + 6]
        at = after_blocks(file, at + 2)
    return transparent, file[at : at + 9] + bytes([LOCAL_TABLE | file[at + 9] & INTERLACED | size]) + table + file[
        at + 10 : -1
    ]


def join_apng(files: Sequence[bytes], timing: Timing) -> bytes:
    """Return an APNG file (PNG, third edition, 11.3.6). All need the same header. Each replaces the one before."""
    first = chunks(files[0])
    _, header = first[0]
    out, number = [SIGNATURE, chunk(b"IHDR", header)], 0
    out.append(chunk(b"acTL", struct.pack(">II", len(files) - timing.poster, timing.plays)))
    out += [chunk(kind, body) for kind, body in first[1:] if kind not in (b"IDAT", b"IEND")]
    for place, (file, duration) in enumerate(zip(files, timing.durations, strict=True)):
        if place or not timing.poster:
            control = struct.pack(">I8sIIHHBB", number, header[:8], 0, 0, *_delay(duration), 0, 0)
            out.append(chunk(b"fcTL", control))
            number += 1
        for kind, body in chunks(file):
            if kind == b"IDAT" and place:
                out.append(chunk(b"fdAT", struct.pack(">I", number) + body))
                number += 1
            elif kind == b"IDAT":
                out.append(chunk(kind, body))
    return b"".join([*out, chunk(b"IEND", b"")])


def _delay(duration: float) -> tuple[int, int]:
    """Convert milliseconds to seconds: numerator and denominator (16 bit each)."""
    seconds = Fraction(duration / 1000).limit_denominator(1000)
    return min(seconds.numerator, 65_535), seconds.denominator


def join_webp(files: Sequence[bytes], timing: Timing) -> bytes:
    """Return an animated WebP file (RFC 9649). A poster is left out. Each frame replaces the one before."""
    frames = [
        [(name, file[start:end]) for name, start, end in _riff_chunks(BytesIO(file), 12, len(file))] for file in files
    ]
    beside = {name: body for name, body in frames[0] if name in (b"ICCP", b"EXIF", b"XMP ")}
    pictures = [[one for one in frame if one[0] in (b"ALPH", b"VP8 ", b"VP8L")] for frame in frames]
    size = _webp_size(*pictures[0][-1])
    sides = b"".join((side - 1).to_bytes(3, "little") for side in size)
    flags = ANIMATED | (ALPHA if any(map(_has_alpha, pictures)) else 0)
    flags |= sum(bit for name, bit in ((b"ICCP", ICC), (b"EXIF", EXIF), (b"XMP ", XMP)) if name in beside)
    out = [_riff_chunk(b"VP8X", bytes([flags, 0, 0, 0]) + sides)]
    out += [_riff_chunk(name, body) for name, body in beside.items() if name == b"ICCP"]
    out.append(_riff_chunk(b"ANIM", bytes(4) + struct.pack("<H", min(timing.plays, 65_535))))
    for picture, duration in list(zip(pictures, timing.durations, strict=True))[timing.poster :]:
        shown = min(round(duration), 2**24 - 1).to_bytes(3, "little")
        frame = b"".join(_riff_chunk(name, body) for name, body in picture)
        out.append(_riff_chunk(b"ANMF", bytes(6) + sides + shown + bytes([NO_BLENDING]) + frame))
    out += [_riff_chunk(name, body) for name, body in beside.items() if name != b"ICCP"]
    data = b"WEBP" + b"".join(out)
    return b"RIFF" + struct.pack("<I", len(data)) + data


def _riff_chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def _webp_size(name: bytes, body: bytes) -> tuple[int, int]:
    if name == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = struct.unpack("<HH", body[6:10])
    return width & 0x3FFF, height & 0x3FFF


def _has_alpha(picture: Sequence[tuple[bytes, bytes]]) -> bool:
    return any(name == b"ALPH" or (name == b"VP8L" and body[4] & 0x10) for name, body in picture)


def join_tiff(files: Sequence[bytes], timing: Timing) -> bytes:
    """Return a TIFF file with one page for each file."""
    out = BytesIO()
    with AppendingTiffWriter(out) as pages:
        for file in files:
            pages.write(file)
            pages.newFrame()
    return out.getvalue()


def is_lossless_webp(file: BinaryIO) -> bool:
    """Whether a WebP file (the first frame of an animation) is compressed without loss."""
    end = file.seek(0, os.SEEK_END)
    for name, start, stop in islice(_riff_chunks(file, 12, end), MOST_CHUNKS):
        inner = islice(_riff_chunks(file, start + FRAME_HEADER, stop), 2) if name == b"ANMF" else ()
        for kind in (name, *(kind for kind, _, _ in inner)):
            if kind in (b"VP8 ", b"VP8L"):
                return kind == b"VP8L"
    return False


def _riff_chunks(file: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield each WebP chunk between two offsets of the file: its name, and where its body starts and ends (bytes)."""
    while start + 8 <= end:
        file.seek(start)
        name, length = struct.unpack("<4sI", file.read(8))
        yield name, start + 8, min(end, start + 8 + length)
        start += 8 + length + length % 2
