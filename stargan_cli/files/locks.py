"""The system's file locks: held by one process at a time, and ended with it, however it ends."""

from __future__ import annotations

import errno
import os
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

LOCK_NAME = ".stargan.lock"
"""What the lock file of a folder is called."""
_NO_LOCKS_HERE = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)

if sys.platform == "win32":
    import msvcrt

    def _lock(file: BinaryIO, shared: bool) -> None:
        """Python has no shared locks on Windows: there, one that is shared excludes nobody."""
        place = file.tell()
        file.seek(2**31 - 2)  # Windows locks bytes against reading too: one that no file here has
        try:
            with suppress(OSError):  # it may not be held
                msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)
            if not shared:
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError(error.errno, str(error)) from error
        finally:
            file.seek(place)
else:
    import fcntl

    def _lock(file: BinaryIO, shared: bool) -> None:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)


def relock(file: BinaryIO, *, shared: bool) -> None:
    """Turn a file's lock into a shared or an exclusive one. Raises BlockingIOError, with neither held, where another
    process was faster or shares it."""
    try:
        _lock(file, shared)
    except OSError as error:
        if error.errno not in _NO_LOCKS_HERE:
            raise


def locked(path: Path, *, shared: bool = False) -> BinaryIO:
    """The file at `path`, made where it is missing, open for reading and writing, unbuffered and locked until closed:
    by one process, or by all that want it `shared`.

    Raises BlockingIOError where another process holds it. On file systems without locks it is simply opened.
    """
    flags = os.O_RDWR | os.O_CREAT
    for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"):  # non-blocking: a FIFO would be waited for
        flags |= getattr(os, name, 0)
    while True:
        file = os.fdopen(os.open(path, flags, 0o666), "r+b", buffering=0)
        try:
            _lock(file, shared)
        except OSError as error:
            if error.errno in _NO_LOCKS_HERE:
                return file
            file.close()
            raise
        if is_still_at(path, file):
            return file
        file.close()  # its last holder has just removed or replaced it: the lock is on a file that is no longer there


def lock_file(path: Path) -> BinaryIO:
    """`locked` for a file that is nothing but a lock, and may be written. Where the name is a hard link to another
    file, that file is left alone, and the lock is a new file. Raises OSError too for what is no regular file."""
    while True:
        file = locked(path)
        status = os.fstat(file.fileno())
        if stat.S_ISREG(status.st_mode) and status.st_nlink == 1:
            return file
        with file:
            if not stat.S_ISREG(status.st_mode):
                raise OSError(errno.EEXIST, f"{path.name} is no regular file")
            path.unlink()


def is_still_at(path: Path, file: BinaryIO) -> bool:
    """Whether the open `file` is the one at `path`: not when another process has removed or replaced that."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False
