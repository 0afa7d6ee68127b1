"""WebP's container (RFC 9649): what Pillow does not tell of a file."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO

FRAME_HEADER = 16  # bytes of an ANMF chunk before the chunks of its picture

MOST_CHUNKS = 100_000  # looked at: a file made of empty ones would take long


def chunks(file: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """The name of each chunk in a part of the file, and where its body starts and ends."""
    while start + 8 <= end:
        file.seek(start)
        name, length = struct.unpack("<4sI", file.read(8))
        yield name, start + 8, min(end, start + 8 + length)
        start += 8 + length + length % 2


def is_lossless(file: BinaryIO) -> bool:
    """Whether the pixels of a WebP file, of all frames, are packed without loss."""
    kinds = set()
    for name, start, end in islice(chunks(file, 12, file.seek(0, os.SEEK_END)), MOST_CHUNKS):
        inner = chunks(file, start + FRAME_HEADER, end) if name == b"ANMF" else ()
        kinds |= {name, *(kind for kind, _, _ in inner)}
    return b"VP8L" in kinds and b"VP8 " not in kinds
