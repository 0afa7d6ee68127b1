"""Open files that users name: without waiting, and regular files only."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file to read. Raises OSError for anything else, without waiting for the writer of a FIFO."""
    try:
        # O_NONBLOCK: opening a FIFO must not wait for its writer
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except ValueError as error:  # a NUL in the path, say
        raise OSError(errno.EINVAL, f"cannot be opened: {error}", str(path)) from error
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise OSError(errno.ENXIO, "not a regular file but a socket", str(path)) from error
        raise
    mode = os.fstat(handle).st_mode
    if stat.S_ISREG(mode):
        return os.fdopen(handle, "rb")
    os.close(handle)
    number = errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL
    raise OSError(number, f"not a regular file but {file_kind(mode)}", str(path))


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
