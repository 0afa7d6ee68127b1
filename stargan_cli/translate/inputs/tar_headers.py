"""Headers of tar archives (POSIX ustar and pax, GNU, V7): what one says of its member, and bounds on all of it.

Python's own `tarfile` believes a header: it seeks backwards by a negative size, makes gigabytes of a sparse member and
reads an extended header of any size. Here nothing is read, made or skipped because of a claim that has no bound.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Literal

BLOCK = 512
MAGIC, MAGIC_AT = b"ustar", 257
MOST_HEADER_BYTES = 2**20
MOST_HEADERS = 8
LATEST = 2.0**40
EXTENDED = {b"x": "pax", b"X": "pax", b"g": "global", b"L": "name", b"K": "link"}
Kind = Literal["file", "folder", "sparse", "other"]
KINDS: dict[bytes, Kind] = {b"0": "file", b"\0": "file", b"7": "file", b"5": "folder", b"D": "folder", b"S": "sparse"}
WITHOUT_DATA = b"123456"
_RECORD = re.compile(rb"([0-9]{1,7}) ")


class BrokenHeaderError(ValueError):
    """What is wrong with a header, and from which byte on the next one may be looked for."""

    def __init__(self, reason: str, resume: int) -> None:
        super().__init__(reason)
        self.resume = resume


@dataclass(frozen=True)
class Header:
    """A member's name, kind and time (seconds since 1970), its `size` in the archive (bytes, 0 or more), where its
    bytes begin, and where the next header is."""

    name: str
    kind: Kind
    size: int
    modified: float
    start: int
    end: int


def read_header(file: BinaryIO, place: int, total: int) -> Header | None:
    """The header at byte `place` of an archive of `total` bytes, with the extended ones before it; None for a block of
    zeros. Raises BrokenHeaderError."""
    said: dict[bytes, bytes] = {}
    for _ in range(MOST_HEADERS + 1):
        block = _read(file, place, BLOCK)
        if block.count(0) == BLOCK:
            return None
        resume = place + BLOCK
        if not is_header(block):
            raise BrokenHeaderError("no header", resume)
        kind, size = block[156:157], _number(block[124:136])
        if size is None or size < 0:
            raise BrokenHeaderError("a size that is no number" if size is None else "a negative size", resume)
        if kind not in EXTENDED:
            return _header(file, block, said, resume)
        end = resume + _rounded(size)
        if size > MOST_HEADER_BYTES:
            raise BrokenHeaderError(f"an extended header of {size:,} bytes; {MOST_HEADER_BYTES:,} is the limit", resume)
        if end > total:
            raise BrokenHeaderError("cut off in an extended header", resume)
        said |= _said(EXTENDED[kind], _read(file, resume, size), end)
        place = end
    raise BrokenHeaderError(f"more than {MOST_HEADERS} extended headers for one member", place)


def _header(file: BinaryIO, block: bytes, said: dict[bytes, bytes], start: int) -> Header:
    size = _number(block[124:136]) or 0
    if b"size" in said:
        if re.fullmatch(rb"[0-9]{1,20}", said[b"size"]) is None:
            raise BrokenHeaderError("a size that is no number", start)
        size = int(said[b"size"])
    name, flag = said.get(b"path", _name(block)), block[156:157]
    kind = KINDS.get(flag, "other")
    if any(key.startswith(b"GNU.sparse.") for key in said):
        name, kind = said.get(b"GNU.sparse.name", name), "sparse"
    if kind == "file" and name.endswith(b"/"):  # so V7 has its folders
        kind = "folder"
    if flag in WITHOUT_DATA:
        size = 0
    if flag == b"S":
        start = _behind_sparse_maps(file, block, start)
    text = name.decode("utf-8", "surrogateescape")
    return Header(text, kind, size, _time(block, said.get(b"mtime")), start, start + _rounded(size))


def is_header(block: bytes) -> bool:
    """Whether a block's checksum is right: the sum of its bytes, unsigned or (in old archives) signed."""
    if len(block) < BLOCK:
        return False
    plain, said = block[:148] + b" " * 8 + block[156:], _number(block[148:156])
    unsigned = sum(plain)
    return said == unsigned or said == unsigned - 256 * sum(byte > 127 for byte in plain)


def _number(field: bytes) -> int | None:
    """A field's number, in octal digits or (GNU) in base 256; None where it is none."""
    if field[0] in (0x80, 0xFF):
        return int.from_bytes(field[1:], "big") - (256 ** (len(field) - 1) if field[0] == 0xFF else 0)
    digits = field.split(b"\0")[0].strip(b" ")
    if not digits:
        return 0
    return int(digits, 8) if re.fullmatch(rb"[0-7]+", digits) else None


def _name(block: bytes) -> bytes:
    name = block[:100].split(b"\0")[0]
    prefix = block[345:500].split(b"\0")[0] if block[MAGIC_AT : MAGIC_AT + 6] == MAGIC + b"\0" else b""
    return prefix + b"/" + name if prefix else name


def _time(block: bytes, said: bytes | None) -> float:
    """A time that is none, or that no calendar has, is 0: the picture is none the worse."""
    try:
        time = float(_number(block[136:148]) or 0) if said is None else float(said[:40])
    except (ValueError, OverflowError):
        return 0.0
    return time if math.isfinite(time) and abs(time) < LATEST else 0.0


def _said(kind: str, data: bytes, end: int) -> dict[bytes, bytes]:
    """What an extended header says. A global one (a comment, mostly) says nothing of any member here."""
    if kind == "name":
        return {b"path": data.split(b"\0")[0]}
    return dict(_records(data, end)) if kind == "pax" else {}


def _records(data: bytes, end: int) -> Iterator[tuple[bytes, bytes]]:
    """The records `LENGTH KEY=VALUE\\n` of a pax header, of which each says its own length."""
    place = 0
    while place < len(data) and data[place]:
        found = _RECORD.match(data, place)
        behind = place + int(found[1]) if found else 0
        if found is None or not found.end() < behind <= len(data) or data[behind - 1 : behind] != b"\n":
            raise BrokenHeaderError("an extended header that is none", end)
        key, _, value = data[found.end() : behind - 1].partition(b"=")
        yield key, value
        place = behind


def _behind_sparse_maps(file: BinaryIO, block: bytes, place: int) -> int:
    """Where the bytes of an old GNU sparse member begin: its map may go on in blocks of its own."""
    more = block[482:483]
    while more not in (b"", b"\0"):
        more = _read(file, place, BLOCK)[504:505]
        place += BLOCK
    return place


def _read(file: BinaryIO, place: int, size: int) -> bytes:
    file.seek(place)
    return file.read(size)


def _rounded(size: int) -> int:
    return -(-size // BLOCK) * BLOCK
