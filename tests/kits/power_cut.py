"""A simulated disk that loses unsynced data at a power cut, to see what a program leaves on it at any moment.

The program runs in this process on a real folder. Every change of names (make, rename, remove) and every sync is
intercepted. After each, the disk as a power cut would leave it is recorded in two ways. `eager`: all names are on the
disk, but only the synced bytes of files (ext4 without its heuristics). `lazy`: names, too, are on the disk only as
their folder was last synced.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="open files are read by way of /proc")
Tree = dict[str, bytes | None]
"""Paths below the root; None is a folder."""


@dataclass(frozen=True)
class Cut:
    """The disk after one step of the program."""

    step: str
    eager: Tree
    lazy: Tree

    def found_in(self, folder: Path, way: Literal["eager", "lazy"]) -> Path:
        """Recreate the disk after the cut in an empty `folder`."""
        for name, data in sorted((self.eager if way == "eager" else self.lazy).items()):
            path = folder / name
            if data is None:
                path.mkdir(parents=True, exist_ok=True)
            else:
                path.write_bytes(data)
        return folder


class ForgetfulDisk:
    """The disk below `root`, and the `cuts` so far. Files that are there at the beginning count as synced."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.cuts: list[Cut] = []
        self.syncs = 0
        self._lock = threading.RLock()
        self._ids: dict[int, int] = {}
        self._synced: dict[int, bytes] = {}
        self._next = 0
        self._names: dict[str, dict[str, int | None]] = {}
        for folder, _, files in os.walk(self.root):
            for name in files:
                path = Path(folder, name)
                self._synced[self._id(path.lstat().st_ino)] = path.read_bytes()
            self._names[folder] = self._entries(folder)

    def _id(self, inode: int) -> int:
        """A number for a file. Unlike inodes, these numbers are never reused."""
        if inode not in self._ids:
            self._ids[inode], self._next = self._next, self._next + 1
        return self._ids[inode]

    def _entries(self, folder: str) -> dict[str, int | None]:
        with os.scandir(folder) as entries:
            return {e.name: None if e.is_dir(follow_symlinks=False) else self._id(e.inode()) for e in entries}

    def forget(self, path: Path) -> None:
        """Forget the number of a file that is to be removed: its inode may be reused."""
        if path.is_file() and not path.is_symlink() and path.stat().st_nlink == 1:
            self._ids.pop(path.stat().st_ino, None)

    def sync(self, handle: int) -> None:
        path = os.readlink(f"/proc/self/fd/{handle}")
        if os.path.isdir(path):
            if Path(path).is_relative_to(self.root):
                self._names[path] = self._entries(path)
        else:
            with open(f"/proc/self/fd/{handle}", "rb") as file:
                self._synced[self._id(os.fstat(handle).st_ino)] = file.read()
        self.syncs += 1

    def note(self, step: str) -> None:
        self.cuts.append(Cut(step, self._eager(), dict(self._lazy(str(self.root)))))

    def _eager(self) -> Tree:
        tree: Tree = {}
        for folder, folders, files in os.walk(self.root):
            for name in folders:
                tree[os.path.relpath(os.path.join(folder, name), self.root)] = None
            for name in files:
                path = Path(folder, name)
                synced = self._synced.get(self._id(path.lstat().st_ino), b"")
                grown = path.is_file() and path.read_bytes().startswith(synced)
                tree[os.path.relpath(path, self.root)] = synced if grown else b""
        return tree

    def _lazy(self, folder: str) -> Iterator[tuple[str, bytes | None]]:
        for name, number in self._names.get(folder, {}).items():
            path = os.path.join(folder, name)
            yield os.path.relpath(path, self.root), None if number is None else self._synced.get(number, b"")
            if number is None:
                yield from self._lazy(path)


def _path(name: Any, folder: int | None) -> Path:
    base = os.readlink(f"/proc/self/fd/{folder}") if folder is not None else os.getcwd()
    return Path(base, os.fsdecode(name))


@contextmanager
def forgetful_disk(root: Path) -> Iterator[ForgetfulDisk]:
    """Watch what this process does below `root`."""
    disk = ForgetfulDisk(root)
    with pytest.MonkeyPatch.context() as patch:

        def watch(name: str, before: Callable[..., None], after: Callable[..., None]) -> None:
            real = getattr(os, name)

            def watched(*arguments: Any, **options: Any) -> Any:
                with disk._lock:
                    before(*arguments, **options)
                    result = real(*arguments, **options)
                    after(*arguments, **options)
                    disk.note(f"{name} {arguments[:2]}")
                return result

            patch.setattr(os, name, watched)

        def nothing(*arguments: Any, **options: Any) -> None:
            pass

        def removed(path: Any, *, dir_fd: int | None = None) -> None:
            disk.forget(_path(path, dir_fd))

        def replaced(source: Any, target: Any, *, src_dir_fd: int | None = None, dst_dir_fd: int | None = None) -> None:
            disk.forget(_path(target, dst_dir_fd))

        watch("fsync", nothing, disk.sync)
        for name in ("replace", "rename"):
            watch(name, replaced, nothing)
        for name in ("unlink", "remove"):
            watch(name, removed, nothing)
        for name in ("mkdir", "rmdir"):
            watch(name, nothing, nothing)
        yield disk
