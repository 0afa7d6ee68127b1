"""What a JPEG file holds beside its picture: other views of it (MPO), and what other programs store behind it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from PIL import Image

from stargan_cli.pictures.jpeg.segments import END, segments, size_at

ENTRIES = 0xB002  # a tag of MPO
APP1, APP2 = 0xE1, 0xE2
INDEX = b"MPF\0"
GAIN_MAPS = (b"hdrgm", b"HDRGainMap", b"urn:iso:std:iso:ts:21496:-1")  # in XMP: Adobe's, Apple's; in APP2: ISO's
_MORE = re.compile(rb"ftyp|\xff\xd8\xff|\x89PNG")  # the beginning of a video or of a picture


class _Entry(NamedTuple):
    """An entry of an MPO's index: its number (from 0), its kind, where it starts in the file and its length (bytes)."""

    number: int
    kind: str
    start: int
    length: int


def views(file: BinaryIO, image: Image.Image) -> Iterator[int]:
    """Yield the numbers of an MPO's pictures: the first, its other views, and "Undefined" ones of the first one's size.

    Cameras also store previews and gain maps as "Undefined". A gain map may have the picture's size, so a file that
    has one yields no "Undefined" pictures. Programs that change the file leave entries that lead nowhere: without a
    JPEG there, an entry is no picture.
    """
    data = _whole(file)
    has_gain_map = any(
        any(mark in data[start:end] for mark in GAIN_MAPS)
        for marker, start, end in segments(data)
        if marker in (APP1, APP2)
    )
    yield 0
    for entry in _entries(data, image):
        size = size_at(data, entry.start)
        undefined = entry.kind == "Undefined" and not has_gain_map and size == image.size
        if undefined or (entry.kind.startswith("Multi-Frame") and size is not None):
            yield entry.number


def holds_more(file: BinaryIO, image: Image.Image) -> bool:
    """Whether a video or a picture follows behind that of a JPEG file, as in motion photos and beside gain and depth
    maps. Previews do not count, as they would show the picture before its change."""
    data = _whole(file)
    end = next((end for marker, _, end in segments(data) if marker == END), len(data))
    previews = [entry for entry in _entries(data, image) if entry.kind.startswith("Large Thumbnail")]
    return any(
        not any(preview.start <= found.start() < preview.start + preview.length for preview in previews)
        for found in _MORE.finditer(data, end)
    )


def _entries(data: bytes, image: Image.Image) -> Iterator[_Entry]:
    """Yield the entries behind the first of an MPO's index; none for other files."""
    indexes = (start for marker, start, _ in segments(data) if marker == APP2 and data.startswith(INDEX, start))
    base = next(indexes, 0) + len(INDEX)
    for number, entry in enumerate(getattr(image, "mpinfo", {}).get(ENTRIES, ())[1:], 1):
        kind = str(entry.get("Attribute", {}).get("MPType", ""))
        yield _Entry(number, kind, base + int(entry["DataOffset"]), int(entry["Size"]))


def _whole(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read()
