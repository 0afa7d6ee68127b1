"""Where a picture's bytes are: in a file of its own, or elsewhere, as a blob."""

from __future__ import annotations

from hashlib import blake2b
from io import BytesIO
from pathlib import Path, PurePath
from typing import BinaryIO, Protocol


class Blob(Protocol):
    """Bytes that are no local file: a member of a tar, an object in a store. `str` of it is its name in manifests."""

    @property
    def place(self) -> PurePath:
        """Where it lies, for names in `--labels`."""
        ...

    @property
    def mark(self) -> str:
        """16 hex digits, others where the bytes are others."""
        ...

    def read(self) -> bytes:
        """Raises PictureError."""
        ...

    def open(self) -> BinaryIO:
        """To read it bit by bit, from its beginning to its end. Raises PictureError."""
        ...


Source = Path | Blob
END_BYTES = 32 * 1024


def hash_of(file: BinaryIO) -> str:
    """16 hex digits from the length and the first and last 32 KiB: enough to tell pictures apart, and cheap."""
    size = file.seek(0, 2)
    digest = blake2b(str(size).encode(), digest_size=8)
    file.seek(0)
    digest.update(file.read(END_BYTES))
    file.seek(max(file.tell(), size - END_BYTES))
    digest.update(file.read())
    file.seek(0)
    return digest.hexdigest()


def place_of(source: Source) -> PurePath:
    return source if isinstance(source, Path) else source.place


def bytes_of(source: Source) -> bytes:
    """All of it. Raises OSError for a path, PictureError for a blob."""
    return source.read_bytes() if isinstance(source, Path) else source.read()


def readable(source: Source) -> Path | BinaryIO:
    """What `reading.read_picture` takes; a blob is fetched. Raises PictureError."""
    return source if isinstance(source, Path) else BytesIO(source.read())
