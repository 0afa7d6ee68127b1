"""Write an output file whole or not at all, and say in words why it could not be written."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from stargan_cli.errors import OutputError, PictureError, reason_of
from stargan_cli.files.atomic import Sync, open_new, replacement

FULL = (errno.ENOSPC, errno.EDQUOT)
FATAL = (*FULL, errno.EROFS)
"""Errors that stop the whole run, not one picture."""
NAME_REFUSED = (errno.ENOENT, errno.EINVAL, errno.EILSEQ, errno.ENAMETOOLONG)
MAKE_ROOM_FOR_OUT = "make room or give another --out, and run it again"
MAKE_ROOM = "make room, and run it again"


@contextmanager
def replacing(path: Path, sync: Sync = "all", folder: int | None = None) -> Iterator[BinaryIO]:
    """A file that replaces `path` if the block ends without an error, and else is removed. `sync` and `folder` are
    those of `atomic.replacement`.

    Raises OutputError if the disk is full, read-only or gone, PictureError for errors that concern this path alone.
    """
    try:
        with replacement(path, sync=sync, folder=folder) as temporary, open_new(temporary, folder) as file:
            yield file
    except OSError as error:
        raise _write_error(path, error) from error


def write_all(file: BinaryIO, data: bytes) -> None:
    """Write all of it to an unbuffered file. Raises OSError: a full disk takes a part, and says why only when it is
    given the rest."""
    while data:
        data = data[file.write(data) :]


def _write_error(path: Path, error: OSError) -> OutputError | PictureError:
    reason = reason_of(error)
    if error.errno in FATAL:
        return OutputError(f"cannot write {path}: {reason}", MAKE_ROOM_FOR_OUT)
    if not path.parent.is_dir():
        return OutputError(f"cannot write {path}: its folder is gone", "run it again to finish what is missing")
    if error.errno in NAME_REFUSED:
        reason += "; its file system may not allow this name"
    return PictureError(f"cannot write {path}: {reason}")
