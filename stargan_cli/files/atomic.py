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
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Literal

if sys.platform != "win32":
    import fcntl

LONGEST_NAME = 255
OLD_SECONDS = 3600
RUN_MARK = str(secrets.randbits(60))
"""In the names of unfinished files: whose they are, where processes of several machines write into one folder."""

Sync = Literal["all", "file", "nothing"]
"""What of a new file is on the disk when it has its name, so that a power cut cannot take it.

all: the file and its name. file: the file alone; a power cut leaves the new file or the earlier one, each whole.
nothing: neither; for files that are made again at no loss and that no later run relies on."""

_NO_SYNC_HERE = (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS)


def adopt_mark(mark: str) -> None:
    """For processes that work for a run: what they leave unfinished is that run's."""
    global RUN_MARK
    RUN_MARK = mark


def temporary_name(name: str) -> str:
    """A hidden name for the same folder, of no more than LONGEST_NAME bytes."""
    ending = f".{RUN_MARK}.tmp"
    encoded = os.fsencode(name)
    if len(encoded) + len(ending) + 1 > LONGEST_NAME:
        name = hashlib.sha256(encoded).hexdigest()[:32]
    return f".{name}{ending}"


@contextmanager
def replacement(path: Path, *, sync: Sync = "all", folder: int | None = None) -> Iterator[Path]:
    """A temporary name beside `path` to write to. It takes the place of `path` at the end of the block, with the
    permissions of the file that was there, and is removed where the block raises: then `path` is as it was.

    With sync="all", what killed processes left of the same file an hour ago or earlier is removed too. With `folder`,
    the handle of the folder that `path` lies in, that folder is written to, whatever its path leads to by now, and the
    temporary name is relative to it. Raises OSError.
    """
    if folder is not None:
        path = Path(path.name)
    elif sync == "all":
        _sweep(path)
    temporary, placed = path.with_name(temporary_name(path.name)), False
    try:
        with suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=folder)
        yield temporary
        if sync != "nothing":
            sync_file(temporary, folder)
        _keep_permissions(path, temporary, folder)
        os.replace(temporary, path, src_dir_fd=folder, dst_dir_fd=folder)
        placed = True
        if sync == "all":
            sync_folder(path.parent, folder)
    finally:
        if not placed:
            with suppress(OSError):
                os.unlink(temporary, dir_fd=folder)


def _keep_permissions(path: Path, temporary: Path, folder: int | None) -> None:
    """A picture that others may not read stays so. File systems without permissions do without."""
    with suppress(OSError):
        mode = os.stat(path, dir_fd=folder, follow_symlinks=False).st_mode
        if stat.S_ISREG(mode):
            os.chmod(temporary, mode & 0o777, dir_fd=folder)


def _sweep(path: Path) -> None:
    """A file that is being written is never old."""
    start = temporary_name(path.name).removesuffix(f"{RUN_MARK}.tmp")
    with suppress(OSError), os.scandir(path.parent) as entries:
        for entry in entries:
            if entry.name.startswith(start) and re.fullmatch(r"[0-9]+\.tmp", entry.name[len(start) :]):
                with suppress(OSError):
                    if time.time() - entry.stat(follow_symlinks=False).st_mtime > OLD_SECONDS:
                        os.unlink(entry.path)


def open_new(path: Path, folder: int | None = None) -> BinaryIO:
    """A file that is not there yet, to write to; its path may be relative to an open folder. Raises OSError."""
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
    """Wait until the names in a folder are on the disk, where the system offers that (Windows does not)."""
    if sys.platform == "win32":
        return
    try:
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY, dir_fd=folder)
    except PermissionError:  # it may be written and not read
        return
    try:
        sync_handle(handle)
    finally:
        os.close(handle)


def sync_handle(handle: int) -> None:
    """The same for what is open. File systems without the operation do without."""
    try:
        if sys.platform == "darwin":
            with suppress(OSError):  # not every file system has it
                fcntl.fcntl(handle, fcntl.F_FULLFSYNC)  # the plain one leaves the bytes in the drive's memory
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _NO_SYNC_HERE:
            raise
