"""Tar archives of pictures, laid out as WebDataset's shards: read member by member, past what is broken.

Python's own `tarfile` reads them: the webdataset library gives up an archive at its first broken header, hides where
its samples' files lay, and writes archives in place, where a killed run leaves half of one.
"""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import PurePath, PurePosixPath
from typing import BinaryIO

from stargan_cli.errors import PictureError
from stargan_cli.files.blobs import hash_of

TAR_SUFFIX = ".tar"
MOST_MEMBER_BYTES = 2**30
PACKED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd"}
_KEY = re.compile(r"((?:.*/)?[^/.]+)\.[^/]*", re.DOTALL)


@dataclass(frozen=True)
class Member:
    """One file of an archive, read: a Blob. `archive` is the archive's own name, `problem` why there is no `data`;
    `behind_damage` where something is missing before it."""

    archive: str
    name: str
    modified: float
    data: bytes
    problem: str | None = None
    behind_damage: bool = False

    def __str__(self) -> str:
        return f"{self.archive}/{self.name}"

    @property
    def place(self) -> PurePath:
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
        """What members of one sample have in common: the name up to the first dot of its last part."""
        found = _KEY.fullmatch(self.name)
        return found.group(1) if found else self.name


def members(file: BinaryIO, archive: str) -> Iterator[Member]:
    """The files in an archive, in its order; folders are passed over. Memory holds one at a time.

    Members that cannot be had come with their problem. Behind a damaged stretch, the next whole header is looked for.
    Raises PictureError at the end where something else than members was met: damaged stretches, or no end mark, as in
    an archive that was cut off between two members; and what `file` raises where it cannot be read further.
    """
    reader = tarfile.TarFile(fileobj=BytesIO(bytes(tarfile.RECORDSIZE)))  # an empty one: the first header may be broken
    reader.fileobj = file
    size = file.seek(0, 2)
    place, found, ended, damaged, gap = 0, False, False, None, False
    while place < size:
        file.seek(place)
        try:
            info = tarfile.TarInfo.fromtarfile(reader)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]  # a block of zeros
            ended = True
        except (tarfile.HeaderError, ValueError):
            damaged, gap = place if damaged is None else damaged, True
        else:
            if not info.isdir():
                yield replace(_member(reader, info, archive), behind_damage=gap)
                gap = False
            place, found, ended = reader.offset, True, False
            continue
        place += tarfile.BLOCKSIZE
    if not found:
        raise PictureError(_nothing_in(file) if size else "the file is empty")
    if damaged is not None:
        raise PictureError(f"damaged from byte {damaged:,} on: members are missing")
    if not ended:
        raise PictureError("cut off: it has no end mark, and what is missing is unknown")


def _nothing_in(file: BinaryIO) -> str:
    file.seek(0)
    start = file.read(8)
    packed = next((name for mark, name in PACKED.items() if start.startswith(mark)), None)
    return f"compressed with {packed}: only plain tars are read; unpack it first" if packed else "not a tar archive"


def _member(reader: tarfile.TarFile, info: tarfile.TarInfo, archive: str) -> Member:
    data, problem = b"", None
    name = PurePosixPath(info.name)
    if name.is_absolute() or ".." in name.parts or not name.name:
        problem = "its name leads out of the archive"
    elif not info.isreg():
        problem = "not a regular file but a link or a device"
    elif info.size > MOST_MEMBER_BYTES:
        problem = f"too large: {info.size:,} bytes in a tar, the limit is {MOST_MEMBER_BYTES:,}"
    else:
        try:
            file = reader.extractfile(info)
            data = file.read() if file is not None else b""
        except tarfile.ReadError:
            problem = "cut off: the archive ends in it"
    return Member(archive, info.name, info.mtime, data, problem)
