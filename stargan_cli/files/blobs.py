"""A picture's bytes: a file of its own, or a blob, which lies in an archive or a store."""

from __future__ import annotations

from hashlib import blake2b
from io import BytesIO
from pathlib import Path, PurePath
from typing import BinaryIO, Protocol


class Blob(Protocol):
    """A member of a tar or an object in a store. `str` of a blob is its name in manifests."""

    @property
    def path(self) -> PurePath:
        """Names in `--labels` are compared with it."""
        ...

    @property
    def mark(self) -> str:
        """16 hex digits: a hash of the bytes, or of what the store says of them."""
        ...

    def read(self) -> bytes:
        """Raises PictureError."""
        ...

    def open(self) -> BinaryIO:
        """A file to read from its beginning to its end. Raises PictureError."""
        ...


Source = Path | Blob
END_BYTES = 32 * 1024


def hash_of(file: BinaryIO) -> str:
    """16 hex digits: a hash of a file's length and its first and last 32 KiB, which tells pictures apart."""
    size = file.seek(0, 2)
    digest = blake2b(str(size).encode(), digest_size=8)
    file.seek(0)
    digest.update(file.read(END_BYTES))
    file.seek(max(file.tell(), size - END_BYTES))
    digest.update(file.read())
    file.seek(0)
    return digest.hexdigest()


def path_of(source: Source) -> PurePath:
    return source if isinstance(source, Path) else source.path


def bytes_of(source: Source) -> bytes:
    """All bytes. Raises OSError for a path, PictureError for a blob."""
    return source.read_bytes() if isinstance(source, Path) else source.read()


def readable(source: Source) -> Path | BinaryIO:
    """A path, or a blob's bytes as a file in memory: what `reading.read_picture` takes. Raises PictureError."""
    return source if isinstance(source, Path) else BytesIO(source.read())
