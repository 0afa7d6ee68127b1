"""Read tar archives of pictures (such as WebDataset's shards) member by member, and go on after damage.

The webdataset library gives up an archive at its first broken header, hides the paths of a sample's files, and writes
archives in place, so that a killed run leaves half of one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import PurePath, PurePosixPath
from typing import BinaryIO

from stargan_cli.errors import PictureError
from stargan_cli.files.blobs import hash_of
from stargan_cli.files.compressions import COMPRESSIONS
from stargan_cli.translate.inputs.tar_headers import (
    BLOCK,
    MAGIC,
    MAGIC_AT,
    BrokenHeaderError,
    Header,
    is_header,
    read_header,
)

TAR_SUFFIX = ".tar"
PACKED_SUFFIXES = (".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst", ".zip", ".7z", ".rar")
PLAIN_TARS = "only plain tars are read; unpack it first"
MOST_MEMBER_BYTES = 2**30
LONGEST_MEMBER_NAME, LONGEST_SHOWN = 4096, 200
MOST_READ_BYTES = 2**20
MOST_SEARCHED_BYTES = 2**30
"""How far the next header is searched for: a sparse file of terabytes takes no room on a disk."""
CUT_OFF = "cut off: the archive ends in the middle of it"
_KEY = re.compile(r"((?:.*/)?[^/.]+)\.[^/]*", re.DOTALL)


@dataclass(frozen=True)
class Member:
    """One file of an archive, in memory: a Blob. `archive` is the archive's own name, `problem` the reason why there is
    no `data`. `behind_damage`: something before it is missing."""

    archive: str
    name: str
    modified: float
    data: bytes
    problem: str | None = None
    behind_damage: bool = False

    def __str__(self) -> str:
        return f"{self.archive}/{self.name}"

    @property
    def path(self) -> PurePath:
        return PurePosixPath(str(self))

    @property
    def mark(self) -> str:
        return hash_of(BytesIO(self.data))

    def read(self) -> bytes:
        if self.problem is not None:
            raise PictureError(self.problem)
        return self.data

    def open(self) -> BinaryIO:
        return BytesIO(self.read())

    @property
    def key(self) -> str:
        """The key that the members of one sample share: the name up to the first dot of its last part."""
        found = _KEY.fullmatch(self.name)
        return found.group(1) if found else self.name


def members(file: BinaryIO, archive: str) -> Iterator[Member]:
    """Yield the files in an archive, in its order, without folders. Memory holds one at a time.

    A member that cannot be read has its `problem`. Behind damage, reading goes on at the next valid header. Raises
    PictureError at the end if there was damage, no member, or no end mark (the archive was cut off between two
    members). Raises what `file` raises if it cannot be read further.
    """
    total = file.seek(0, 2)
    place, found, ended, gap = 0, False, False, False
    damage: str | None = None
    while place < total:
        try:
            header = read_header(file, place, total)
        except BrokenHeaderError as error:
            damage, gap = damage or _damaged(place, str(error)), True
            place = _next_header(file, error.resume, total)
            continue
        if header is None:
            place, ended = _behind_zeros(file, place, total), True
            continue
        found, ended, beyond = True, False, header.start + header.size > total
        if header.kind != "folder":
            yield replace(_member(file, header, archive, beyond), behind_damage=gap)
            gap = False
        place, here = header.end, place
        if beyond:  # its size may be wrong, and more members may follow its header
            place, gap = _next_header(file, header.start, total), True
            damage = damage or (_damaged(here, f"a size of {header.size:,} bytes") if place < total else None)
    if not found and not (ended and damage is None):  # zeros alone are an archive without members
        raise PictureError(_nothing_in(file) if total else "the file is empty")
    if damage is not None:
        raise PictureError(damage)
    if not ended:
        raise PictureError("cut off: it has no end mark, so members may be missing")


def _damaged(place: int, reason: str) -> str:
    return f"damaged from byte {place:,} on ({reason}): members are missing"


def _next_header(file: BinaryIO, place: int, total: int) -> int:
    """The place of the next header from `place` on; `total` if there is none within MOST_SEARCHED_BYTES."""
    start = -(-place // BLOCK) * BLOCK
    for place, data in _pieces(file, start, total):
        at = data.find(MAGIC)
        while at >= 0:
            block = at - MAGIC_AT
            if block >= 0 and block % BLOCK == 0 and is_header(data[block : block + BLOCK]):
                return place + block
            at = data.find(MAGIC, at + 1)
    return total


def _behind_zeros(file: BinaryIO, start: int, total: int) -> int:
    """Where a stretch of zeros ends, in whole blocks. Raises PictureError for more than MOST_SEARCHED_BYTES of them."""
    place = start
    for place, data in _pieces(file, start, total):
        if rest := data.lstrip(b"\0"):
            return place + (len(data) - len(rest)) // BLOCK * BLOCK
    if total - start > MOST_SEARCHED_BYTES:
        raise PictureError(f"nothing but zeros from byte {start:,} on: anything after them is not read")
    return total


def _pieces(file: BinaryIO, place: int, total: int) -> Iterator[tuple[int, bytes]]:
    """Up to MOST_SEARCHED_BYTES from `place` on, in whole blocks: few at first, as the next header is mostly near."""
    end, size = min(total, place + MOST_SEARCHED_BYTES), BLOCK
    while place < end:
        file.seek(place)
        yield place, file.read(size)
        place += size
        size = min(2 * size, MOST_READ_BYTES)


def _nothing_in(file: BinaryIO) -> str:
    file.seek(0)
    start = file.read(8)
    packed = next((name for mark, name in COMPRESSIONS.items() if start.startswith(mark)), None)
    return f"compressed with {packed}: {PLAIN_TARS}" if packed else "not a tar archive"


def _member(file: BinaryIO, header: Header, archive: str, beyond: bool) -> Member:
    problem = _problem(header, beyond)
    data = b""
    if problem is None:
        file.seek(header.start)
        data = file.read(header.size)
        if len(data) < header.size:
            data, problem = b"", CUT_OFF
    name = header.name if len(header.name) <= LONGEST_MEMBER_NAME else f"{header.name[:LONGEST_SHOWN]}…"
    return Member(archive, name, header.modified, data, problem)


def _problem(header: Header, beyond: bool) -> str | None:
    """Why a member is not read; None if it is."""
    length = len(header.name.encode("utf-8", "surrogateescape"))
    if length > LONGEST_MEMBER_NAME:
        return f"its name is too long: {length:,} bytes, the limit is {LONGEST_MEMBER_NAME:,}"
    name = PurePosixPath(header.name)
    if "\0" in header.name:
        return "its name holds a NUL"
    if not name.name:
        return "it has no name"
    if name.is_absolute() or ".." in name.parts:
        return "its name is absolute or holds .., and could lead out of the archive"
    if header.kind == "sparse":
        return "a sparse member: only members that are stored in full are read"
    if header.kind != "file":
        return "not a regular file but a link or a device"
    if header.size > MOST_MEMBER_BYTES:
        return f"too large: {header.size:,} bytes in a tar, the limit is {MOST_MEMBER_BYTES:,}"
    return CUT_OFF if beyond else None
