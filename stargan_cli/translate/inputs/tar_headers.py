"""Parse the headers of tar archives (POSIX ustar and pax, GNU, V7), and check each of their claims.

Python's own `tarfile` trusts a header: it seeks backwards by a negative size, expands a sparse member to gigabytes and
reads an extended header of any size. Here every claim is checked against a limit before it is followed.
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
KINDS: dict[bytes, Kind] = {
    **dict.fromkeys((b"0", b"\0", b"7"), "file"),
    **dict.fromkeys((b"5", b"D", b"V"), "folder"),  # V: an archive's label, which has no data either
    b"S": "sparse",
}
WITHOUT_DATA = b"123456"
_RECORD = re.compile(rb"([0-9]{1,7}) ")


class BrokenHeaderError(ValueError):
    """A header is invalid. `resume` is the byte from which on to search for the next one."""

    def __init__(self, reason: str, resume: int) -> None:
        super().__init__(reason)
        self.resume = resume


@dataclass(frozen=True)
class Header:
    """What a header says of its member: `modified` in seconds since 1970, its `size` in the archive (bytes, 0 or more),
    `start`, the place of its first byte, and `end`, the place of the next header."""

    name: str
    kind: Kind
    size: int
    modified: float
    start: int
    end: int


def read_header(file: BinaryIO, place: int, total: int) -> Header | None:
    """The header at byte `place` of an archive of `total` bytes, with the fields of the extended headers before it;
    None for a block of zeros. Raises BrokenHeaderError."""
    fields: dict[bytes, bytes] = {}
    for _ in range(MOST_HEADERS + 1):
        block = _read(file, place, BLOCK)
        if block.count(0) == BLOCK:
            return None
        resume = place + BLOCK
        if not is_header(block):
            raise BrokenHeaderError("no valid header", resume)
        kind, size = block[156:157], _number(block[124:136])
        if size is None or size < 0:
            raise BrokenHeaderError("a size that is not a number" if size is None else "a negative size", resume)
        if kind not in EXTENDED:
            return _header(file, block, fields, resume)
        end = resume + _rounded(size)
        if size > MOST_HEADER_BYTES:
            raise BrokenHeaderError(f"an extended header of {size:,} bytes; {MOST_HEADER_BYTES:,} is the limit", resume)
        if end > total:
            raise BrokenHeaderError("cut off in an extended header", resume)
        fields |= _fields(EXTENDED[kind], _read(file, resume, size), end)
        place = end
    raise BrokenHeaderError(f"more than {MOST_HEADERS} extended headers for one member", place)


def _header(file: BinaryIO, block: bytes, fields: dict[bytes, bytes], start: int) -> Header:
    size = _number(block[124:136]) or 0
    if b"size" in fields:
        if re.fullmatch(rb"[0-9]{1,20}", fields[b"size"]) is None:
            raise BrokenHeaderError("a size that is not a number", start)
        size = int(fields[b"size"])
    name, flag = fields.get(b"path", _name(block)), block[156:157]
    kind = KINDS.get(flag, "other")
    if any(key.startswith(b"GNU.sparse.") for key in fields):
        name, kind = fields.get(b"GNU.sparse.name", name), "sparse"
    if kind == "file" and name.endswith(b"/"):  # V7 marks folders so
        kind = "folder"
    if flag in WITHOUT_DATA:
        size = 0
    if flag == b"S":
        start = _behind_sparse_maps(file, block, start)
    text = name.decode("utf-8", "surrogateescape")
    return Header(text, kind, size, _time(block, fields.get(b"mtime")), start, start + _rounded(size))


def is_header(block: bytes) -> bool:
    """Whether a block's checksum is right: the sum of its bytes, unsigned or (in old archives) signed."""
    if len(block) < BLOCK:
        return False
    plain, stated = block[:148] + b" " * 8 + block[156:], _number(block[148:156])
    unsigned = sum(plain)
    return stated == unsigned or stated == unsigned - 256 * sum(byte > 127 for byte in plain)


def _number(field: bytes) -> int | None:
    """A field's number, in octal digits or (GNU) in base 256; None if it is not a number."""
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


def _time(block: bytes, extended: bytes | None) -> float:
    """The member's time; 0 if it is invalid or out of range, as the picture can be read all the same."""
    try:
        time = float(_number(block[136:148]) or 0) if extended is None else float(extended[:40])
    except (ValueError, OverflowError):
        return 0.0
    return time if math.isfinite(time) and abs(time) < LATEST else 0.0


def _fields(kind: str, data: bytes, end: int) -> dict[bytes, bytes]:
    """The fields of an extended header. Global ones (mostly comments) and link names are ignored."""
    if kind == "name":
        return {b"path": data.split(b"\0")[0]}
    return dict(_records(data, end)) if kind == "pax" else {}


def _records(data: bytes, end: int) -> Iterator[tuple[bytes, bytes]]:
    """Key and value of each record `LENGTH KEY=VALUE\\n` of a pax header."""
    place = 0
    while place < len(data) and data[place]:
        found = _RECORD.match(data, place)
        behind = place + int(found[1]) if found else 0
        if found is None or not found.end() < behind <= len(data) or data[behind - 1 : behind] != b"\n":
            raise BrokenHeaderError("a malformed extended header", end)
        key, _, value = data[found.end() : behind - 1].partition(b"=")
        yield key, value
        place = behind


def _behind_sparse_maps(file: BinaryIO, block: bytes, place: int) -> int:
    """Where the bytes of an old GNU sparse member begin: behind the blocks in which its map may go on."""
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
