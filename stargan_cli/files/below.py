"""Folders below a root, made and opened one by one from its handle, so that no symlink leads out of the root."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePath
from threading import Lock

from stargan_cli.files.atomic import sync_folder

HAS_DIR_FD = {os.open, os.mkdir, os.unlink, os.rename} <= os.supports_dir_fd
"""Whether names can be relative to an open folder here. On Windows they cannot."""
_NO_FOLDER = (errno.ELOOP, errno.ENOTDIR)
_FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)


class OutsideError(ValueError):
    """A place is not below the root."""


class Below:
    """The folders below `root`. A symlink there may lead to another of them but not out of `root`, not even one that is
    made meanwhile. `new_names` counts the names that were made since the last `sync`; `close` syncs too."""

    def __init__(self, root: Path) -> None:
        """Raises OSError."""
        self.root, self._real = root, root.resolve(strict=True)
        self._handle = os.open(self._real, _FOLDER) if HAS_DIR_FD else None
        self._identity = self._real.stat()
        self._changed: set[PurePath] = set()
        self._noting = Lock()
        self.new_names = 0

    def close(self) -> None:
        """Sync the new names, and close the root's handle. Raises OSError if they cannot be synced."""
        try:
            if not self.is_gone():
                self.sync()
        finally:
            handle, self._handle = self._handle, None
            if handle is not None:
                os.close(handle)

    def is_gone(self) -> bool:
        """Whether the root was removed or replaced."""
        try:
            return not os.path.samestat(self.root.stat(), self._identity)
        except OSError:
            return True

    @contextmanager
    def folder(self, relative: PurePath) -> Iterator[int | None]:
        """The handle of a folder below the root, for names relative to it; None on systems without such names. Makes a
        missing folder. Raises OutsideError, and OSError if it cannot be made."""
        if relative.is_absolute() or ".." in relative.parts:
            raise OutsideError(f"{relative} is not below it")
        if self._handle is None:
            self._make(relative)
            yield None
            return
        handle = self._opened(self._handle, relative)
        try:
            yield handle
        finally:
            os.close(handle)
        with self._noting:
            self._changed.add(relative)
            self.new_names += 1

    def _opened(self, root: int, relative: PurePath) -> int:
        try:
            return self._walk(root, relative.parts)
        except OSError as error:
            within = self._resolved(relative)
            if error.errno not in _NO_FOLDER or within == relative.parts:
                raise
            return self._walk(root, within)

    def _walk(self, root: int, parts: Sequence[str]) -> int:
        handle = os.dup(root)
        for number, part in enumerate(parts):
            above = handle
            try:
                try:
                    handle = os.open(part, _FOLDER, dir_fd=above)
                except FileNotFoundError:
                    with suppress(FileExistsError):
                        os.mkdir(part, dir_fd=above)
                    with self._noting:
                        self._changed.add(PurePath(*parts[:number]))
                    handle = os.open(part, _FOLDER, dir_fd=above)
            finally:
                os.close(above)
        return handle

    def _resolved(self, relative: PurePath) -> tuple[str, ...]:
        """The parts of the same folder's path from the root, with symlinks resolved. Raises OutsideError."""
        try:
            real = (self.root / relative).resolve()
        except RuntimeError as error:  # a symlink loop, before Python 3.13
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP)) from error
        if not real.is_relative_to(self._real):
            raise OutsideError(f"a symlink in {self.root / relative} leads out of it")
        return real.relative_to(self._real).parts

    def _make(self, relative: PurePath) -> None:
        """Without handles, only symlinks that exist now are checked."""
        self._resolved(relative)
        (self.root / relative).mkdir(parents=True, exist_ok=True)

    def sync(self) -> None:
        """Wait until all names that are new are on the disk. Raises OSError."""
        with self._noting:
            changed, self._changed, self.new_names = self._changed, set(), 0
        for relative in changed:
            with suppress(FileNotFoundError):  # removed by somebody else, with its names
                sync_folder(self.root / relative if self._handle is None else Path(relative), self._handle)
