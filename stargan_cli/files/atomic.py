"""Files that are there whole or not at all, also after a power cut."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Literal

if sys.platform != "win32":
    import fcntl

LONGEST_NAME = 143
"""The most bytes of a temporary name. On encrypted shares (eCryptfs) no name may be longer."""
OLD_SECONDS = 3600
RUN_ID = str(secrets.randbits(60))
"""In the names of unfinished files: the run that writes them, as several machines may write into one folder."""
_TEMPORARY = re.compile(r"\.(.+)\.([0-9]+)\.tmp", re.DOTALL)

Sync = Literal["all", "file", "nothing"]
"""What of a new file is synced to the disk, so that a power cut cannot lose it.

all: the file and its name. file: the file alone; a power cut leaves the new file or the earlier one, each whole.
nothing: neither; for files that are easily made again and that no later run relies on."""

_NO_SYNC_HERE = (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS)
_NO_FOLDER_SYNC_HERE = (*_NO_SYNC_HERE, errno.EBADF, errno.EISDIR, errno.EPERM, errno.EACCES)


def adopt_run_id(run_id: str) -> None:
    """Name the unfinished files of this process as those of the run that it works for."""
    global RUN_ID
    RUN_ID = run_id


def temporary_name(name: str) -> str:
    """A hidden temporary name, for the folder of the file `name`, of at most LONGEST_NAME bytes."""
    return f".{_short_name(name)}.{RUN_ID}.tmp"


def _short_name(name: str) -> str:
    """`name`, or its hash if the temporary name would be longer than LONGEST_NAME."""
    encoded = os.fsencode(name)
    if len(encoded) + len(f"..{RUN_ID}.tmp") > LONGEST_NAME:
        return hashlib.sha256(encoded).hexdigest()[:32]
    return name


@contextmanager
def replacement(path: Path, *, sync: Sync = "all", folder: int | None = None) -> Iterator[Path]:
    """A temporary file beside `path` to write to. At the end of the block it replaces `path`, with the permissions of
    the file that was there, and its owner if this process may give files away. If the block raises, it is removed and
    `path` stays as it was.

    With sync="all", temporary files that killed processes left of `path` over an hour ago are removed too. `folder` is
    the handle of the folder of `path`: the temporary name is relative to it, so that another folder that takes its path
    meanwhile is not written to. Raises OSError.
    """
    if folder is not None:
        path = Path(path.name)
    elif sync == "all":
        own = _short_name(path.name)
        remove_unfinished(path.parent, lambda entry, name, _: name == own and is_old(entry))
    temporary, placed = path.with_name(temporary_name(path.name)), False
    try:
        with suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=folder)
        yield temporary
        if sync != "nothing":
            sync_file(temporary, folder)
        _keep_access(path, temporary, folder)
        os.replace(temporary, path, src_dir_fd=folder, dst_dir_fd=folder)
        placed = True
        if sync == "all":
            sync_folder(path.parent, folder)
    finally:
        if not placed:
            with suppress(OSError):
                os.unlink(temporary, dir_fd=folder)


def _keep_access(path: Path, temporary: Path, folder: int | None) -> None:
    """Give the new file the permissions of the file that it replaces, and its owner where this process may set it: a
    private picture stays private, and a file that root rewrites in a container still belongs to its owner. File systems
    without permissions are left as they are."""
    with suppress(OSError):
        state = os.stat(path, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISREG(state.st_mode):
            if sys.platform != "win32":
                with suppress(OSError):
                    os.chown(temporary, state.st_uid, state.st_gid, dir_fd=folder)
            os.chmod(temporary, state.st_mode & 0o777, dir_fd=folder)


def remove_unfinished(folder: Path, chosen: Callable[[os.DirEntry[str], str, str], bool]) -> None:
    """Remove the temporary files in `folder` that are `chosen` by their entry, the name in theirs (see
    `_short_name`) and the RUN_ID of the run that began them. Those that cannot be removed stay."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):
                if (found := _TEMPORARY.fullmatch(entry.name)) and chosen(entry, *found.groups()):
                    os.unlink(entry.path)


def is_old(entry: os.DirEntry[str]) -> bool:
    """Whether a temporary file is older than OLD_SECONDS: one that is still being written is not. Raises OSError."""
    return time.time() - entry.stat(follow_symlinks=False).st_mtime > OLD_SECONDS


def open_new(path: Path, folder: int | None) -> BinaryIO:
    """Make a new file to write to; its path may be relative to an open folder. Raises OSError, also if it exists."""
    return open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o666, dir_fd=folder))  # noqa: SIM115


def make_folder(path: Path) -> None:
    """Make a folder and those above it that are missing, and sync their names. Raises OSError."""
    missing = []
    while not path.is_dir() and path != path.parent:
        missing.append(path)
        path = path.parent
    for folder in reversed(missing):
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


def sync_file(path: Path, folder: int | None = None) -> None:
    """Wait until a file's bytes are on the disk. Raises OSError where they cannot be written there."""
    handle = os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0), dir_fd=folder)  # Windows syncs none opened to read
    try:
        sync_handle(handle)
    finally:
        os.close(handle)


def sync_folder(path: Path, folder: int | None = None) -> None:
    """Wait until the names in a folder are on the disk, if the system offers that (Windows does not)."""
    if sys.platform == "win32":
        return
    try:
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY, dir_fd=folder)
        try:
            sync_handle(handle)
        finally:
            os.close(handle)
    except OSError as error:  # a folder may also be writable but not readable
        if error.errno not in _NO_FOLDER_SYNC_HERE:
            raise


def sync_handle(handle: int) -> None:
    """Sync an open file or folder. Does nothing if the file system does not offer that."""
    try:
        if sys.platform == "darwin":
            with suppress(OSError):  # not every file system has it
                fcntl.fcntl(handle, fcntl.F_FULLFSYNC)  # fsync leaves the bytes in the drive's cache
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _NO_SYNC_HERE:
            raise
