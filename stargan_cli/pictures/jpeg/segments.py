"""The segments of a JPEG file (ITU-T T.81, annex B)."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import BinaryIO

START = b"\xff\xd8\xff"
SCAN, END = 0xDA, 0xD9
SIZES = (*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0))  # markers of frame headers
LOSSLESS = 0xC3  # one of SIZES
_MARKER = re.compile(rb"\xff([\x02-\xcf\xd9-\xfe])")  # no stuffed byte, no fill byte, and none that has no segment


def segments(data: bytes, start: int = 0) -> Iterator[tuple[int, int, int]]:
    """Yield the segments of the JPEG that starts at an offset: the marker, and where its body starts and ends (bytes).

    The last is END, if the file is whole. Coded pixels are passed over. Nothing is yielded if no JPEG starts there.
    """
    found = _MARKER.search(data, start + 2) if data.startswith(START, start) else None
    while found is not None:
        marker, at = found[1][0], found.end()
        end = at if marker == END else at + max(2, int.from_bytes(data[at : at + 2], "big"))
        yield marker, min(at + 2, end), end
        found = _MARKER.search(data, end) if marker != END else None


def size_at(data: bytes, start: int) -> tuple[int, int] | None:
    """The width and height of the JPEG that starts at an offset; None if there is none."""
    for marker, body, _ in segments(data, start):
        if marker in SIZES and len(data) >= body + 5:
            height, width = struct.unpack(">HH", data[body + 1 : body + 5])
            return width, height
    return None


def is_lossless(file: BinaryIO) -> bool:
    """Whether a JPEG file is compressed without loss. libjpeg cannot decode such a file at a fraction of its size."""
    file.seek(0)
    return next((marker for marker, _, _ in segments(file.read()) if marker in SIZES), None) == LOSSLESS
