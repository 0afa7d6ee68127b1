"""Open files that users name: without waiting, and regular files only."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from stargan_cli.errors import PictureError


@contextmanager
def open_regular(path: Path) -> Iterator[BinaryIO]:
    """Open a regular file to read, without waiting. Raises PictureError for anything else."""
    try:
        # O_NONBLOCK: opening a FIFO must not wait for its writer
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError) as error:
        raise PictureError(_why_not_opened(path, error)) from error
    mode = os.fstat(handle).st_mode
    if not stat.S_ISREG(mode):
        os.close(handle)
        raise PictureError(f"not a regular file but {file_kind(mode)}")
    with os.fdopen(handle, "rb") as file:
        yield file


def require_regular(path: Path) -> None:
    """Raises OSError if `path` is not a regular file: opening a FIFO, say, could wait for ever."""
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode):
        number = errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL
        raise OSError(number, f"not a regular file but {file_kind(mode)}")


def file_kind(mode: int) -> str:
    """A word for what is not a regular file, from its `st_mode`."""
    kinds = (
        (stat.S_ISDIR, "a folder"),
        (stat.S_ISFIFO, "a FIFO"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISCHR, "a device"),
        (stat.S_ISBLK, "a device"),
    )
    return next((word for test, word in kinds if test(mode)), "something else")


def _why_not_opened(path: Path, error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError) and path.is_symlink():
        return "a symlink to nothing"
    reasons = {
        errno.ENOENT: "it is not there",
        errno.EACCES: "no permission to read it",
        errno.EPERM: "no permission to read it",
        errno.ENXIO: "not a regular file but a socket or FIFO",
        errno.EISDIR: "not a regular file but a folder",
        errno.ELOOP: "a symlink that leads back to itself",
        errno.ENAMETOOLONG: "its path is too long for this system",
    }
    number = getattr(error, "errno", None)
    return reasons.get(number, str(error)) if number else f"cannot be opened: {error}"
