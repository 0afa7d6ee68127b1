"""The system's file locks. A lock ends with the process that holds it, however that ends."""

from __future__ import annotations

import errno
import os
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

LOCK_NAME = ".stargan.lock"
"""The name of a folder's lock file."""
_TRIES = 1000
_NO_LOCKS_HERE = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)

if sys.platform == "win32":
    import msvcrt

    def _lock(file: BinaryIO, shared: bool) -> None:
        """Python has no shared locks on Windows: there, a shared lock excludes nobody."""
        place = file.tell()
        file.seek(2**31 - 2)  # Windows also prevents the reading of locked bytes: lock one that no file here has
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
    """Turn a file's lock into a shared or an exclusive one. Raises BlockingIOError, with no lock held, if another
    process holds or shares it."""
    try:
        _lock(file, shared)
    except OSError as error:
        if error.errno not in _NO_LOCKS_HERE:
            raise


def locked(path: Path, *, shared: bool = False) -> BinaryIO:
    """The file at `path`, made if it is missing, open for reading and writing, unbuffered and locked until closed:
    exclusively, or `shared` with other processes.

    Raises BlockingIOError if another process holds the lock, OSError if the file never stays at `path`. On file systems
    without locks it is opened without one.
    """
    flags = os.O_RDWR | os.O_CREAT
    for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"):  # non-blocking: opening a FIFO would wait
        flags |= getattr(os, name, 0)
    for _ in range(_TRIES):
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
    raise _no_lock(path)


def lock_file(path: Path) -> BinaryIO:
    """`locked` for a file that is nothing but a lock, and may be overwritten. If the name is a hard link to another
    file, the name is removed and the lock is a new file. Also raises OSError if it is not a regular file."""
    for _ in range(_TRIES):
        file = locked(path)
        status = os.fstat(file.fileno())
        if stat.S_ISREG(status.st_mode) and status.st_nlink <= 1:  # some FUSE file systems say 0
            return file
        with file:
            if not stat.S_ISREG(status.st_mode):
                raise OSError(errno.EEXIST, f"{path.name} is not a regular file")
            path.unlink()
    raise _no_lock(path)


def _no_lock(path: Path) -> OSError:
    return OSError(errno.EDEADLK, f"{path.name} cannot be locked: the file system shows another file each time")


def is_still_at(path: Path, file: BinaryIO) -> bool:
    """Whether the open `file` is the one at `path`, and was not removed or replaced by another process."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def excludes(path: Path) -> bool:
    """Whether the lock that this process holds on the file at `path` has an effect on its file system. Raises
    OSError."""
    try:
        locked(path).close()
    except BlockingIOError:
        return True
    return False
