"""The boxes of HEIF, AVIF and JPEG 2000 files (ISO/IEC 14496-12, 15444-1)."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO

MOST_BOXES = 1000  # read at most, of one level: a file of empty boxes would take long
LONG, TO_THE_END = 1, 0  # lengths with a meaning of their own


def boxes(file: BinaryIO, *path: bytes) -> Iterator[bytes]:
    """Yield the bodies of the boxes at a path of kinds, such as b"jp2h", b"colr"."""
    yield from _within(file, path, 0, file.seek(0, os.SEEK_END))


def _within(file: BinaryIO, path: tuple[bytes, ...], at: int, end: int) -> Iterator[bytes]:
    for _ in range(MOST_BOXES):
        if at + 16 > end:
            return
        file.seek(at)
        length, kind, longer = struct.unpack(">I4sQ", file.read(16))
        body = at + (16 if length == LONG else 8)
        next_box = end if length == TO_THE_END else at + (longer if length == LONG else length)
        if next_box < body:
            return
        if kind == path[0]:
            body += 4 if kind == b"meta" else 0  # version and flags
            if path[1:]:
                yield from _within(file, path[1:], body, min(next_box, end))
            else:
                file.seek(body)
                yield file.read(min(next_box, end) - body)
        at = next_box
