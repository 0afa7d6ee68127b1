"""The locks of an output folder: for one whole run alone, for the shards of one job together, each shard once, or for
one file in it.

A whole run locks the folder's lock file exclusively. The shards of a job share that lock; the first of them, while
alone, notes in the file how many shards the job has. Each shard also locks a file of its own, so that none runs twice.
A run that writes one file locks nothing but that: other runs may write into the folder.
"""

from __future__ import annotations

import hashlib
import os
import time
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from stargan_cli.errors import UsageError, reason_of
from stargan_cli.files.atomic import RUN_ID
from stargan_cli.files.locks import LOCK_NAME, is_still_at, lock_file, locked, locks_exclude, relock
from stargan_cli.translate.shards import Shard

SHARD_LOCKS, FILE_LOCK = ".stargan.*-of-*.lock", ".stargan.file-{}.lock"
PATIENCE_S = 2.0  # wait for the first shard, which holds the lock alone until it has noted the number of shards


class FolderLock:
    """The locks on an output folder; they end with the process, however that ends.

    `killed` are the ids (see `atomic.RUN_ID`) of killed runs that held the locks which this one now holds.
    """

    def __init__(self, root: Path, shard: Shard | None, name: str | None) -> None:
        """`name`: the only file to write. Raises BlockingIOError if another run holds the folder, the shard or the
        file, UsageError if a run without a shard or a job with another number of shards holds the folder, or a lock
        file is another user's, OSError if one cannot be made."""
        self.killed: set[str] = set()
        self._root = root
        self._files: list[tuple[Path, BinaryIO]] = []
        main = root / LOCK_NAME
        try:
            if name is not None:
                self._own(root / FILE_LOCK.format(hashlib.sha256(os.fsencode(name)).hexdigest()[:32]))
            elif shard is None:
                self._own(main)
                for path in root.glob(SHARD_LOCKS):  # not in use: a running shard would share the main lock
                    self._own(path)
                self._bury(FILE_LOCK.format("*"))
            else:
                self._files.append((main, self._shared(main, shard)))
                self._own(root / f".stargan.{shard}.lock")
        except PermissionError as error:
            self.close()
            if not os.path.lexists(error.filename or ""):
                raise
            raise UsageError(
                f"cannot write into the output folder {root}: {error.filename}: {reason_of(error)} "
                "(a lock of another user's run, which you may not open)",
                "give another one to --out",
            ) from error
        except BaseException:
            self.close()
            raise

    def _own(self, path: Path) -> None:
        file = lock_file(path)
        self._files.append((path, file))
        self._take_run_id(file)
        _write(file, RUN_ID)

    @cached_property
    def _tells_killed(self) -> bool:
        """Whether a lock that could be taken says that its run was killed; else that run may be at work."""
        return locks_exclude(self._root)

    def _take_run_id(self, file: BinaryIO) -> None:
        earlier = _read(file)
        if earlier.isdigit() and self._tells_killed:
            self.killed.add(earlier)

    def _shared(self, path: Path, shard: Shard) -> BinaryIO:
        """The main lock file, shared with the other shards of the same job."""
        job = f"of {shard.count}"
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                file = self._first_of(path, job)
            except BlockingIOError:
                file = None
            try:
                file = file or locked(path, shared=True)
                other = _read(file)
                if other == job:
                    return file
                file.close()
                if time.monotonic() > end:
                    number = other.removeprefix("of ") or "unknown"
                    raise UsageError(
                        f"another job is writing into {path.parent}: its number of shards is {number}, "
                        f"not {shard.count}",
                        "give the shards of one job the same number after the slash",
                    )
            except BlockingIOError as error:
                if time.monotonic() > end:
                    raise UsageError(
                        f"another run, without --shard, is writing into {path.parent}",
                        "wait for it to end, or give another folder to --out",
                    ) from error
            time.sleep(0.02)

    def _first_of(self, path: Path, job: str) -> BinaryIO:
        """The main lock file, for the first shard: locked alone to note the number of shards, then shared."""
        file = lock_file(path)
        try:
            self._take_run_id(file)
            self._bury(SHARD_LOCKS)
            _write(file, job)
            relock(file, shared=True)
        except BaseException:
            file.close()
            raise
        return file

    def _bury(self, locks: str) -> None:
        """Collect the ids of killed runs that held `locks` (a pattern), and remove these lock files."""
        paths = list(self._root.glob(locks))
        if not paths or not self._tells_killed:
            return
        for path in paths:
            with suppress(OSError), locked(path) as file:
                self._take_run_id(file)
                path.unlink()

    def close(self) -> None:
        """Unlock, and remove the lock files that nobody else holds."""
        for path, file in reversed(self._files):
            with suppress(OSError):
                relock(file, shared=False)
                if is_still_at(path, file):
                    file.truncate(0)
                    path.unlink()
            file.close()
        self._files = []


def _read(file: BinaryIO) -> str:
    file.seek(0)
    return file.read(32).decode("ascii", "replace").strip()


def _write(file: BinaryIO, text: str) -> None:
    file.seek(0)
    file.truncate(0)
    file.write(text.encode("ascii"))
