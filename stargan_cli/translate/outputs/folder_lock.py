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
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from stargan_cli.errors import UsageError, reason_of
from stargan_cli.files.atomic import RUN_ID
from stargan_cli.files.locks import LOCK_NAME, excludes, is_still_at, lock_file, locked, relock
from stargan_cli.files.read_ahead import read_ahead
from stargan_cli.files.writing import write_all
from stargan_cli.translate.shards import Shard

SHARD_LOCKS, FILE_LOCK, ALL_LOCKS = ".stargan.*-of-*.lock", ".stargan.file-{}.lock", ".stargan.*.lock"
MOST_BYTES = 2**20
"""The most bytes that are read of a lock file: some 50,000 ids."""
PATIENCE_S = 2.0  # wait for the first shard, which holds the lock alone until it has noted the number of shards


class FolderLock:
    """The locks on an output folder; they end with the process, however that ends.

    `killed` are the ids (see `atomic.RUN_ID`) of killed runs that held the locks which this one now holds. A lock file
    keeps them until `note_run` is told that what they left is gone: the next run has them if this one is killed before.
    """

    def __init__(self, root: Path, shard: Shard | None, name: str | None, stop: Callable[[], bool]) -> None:
        """`name`: the only file to write. At `stop` the lock files of other killed runs are left for the next run.

        Raises BlockingIOError if another run holds the folder, the shard or the file, UsageError if a run without a
        shard or a job with another number of shards holds the folder, or a lock file is another user's, OSError if one
        cannot be made or written.
        """
        self.killed: set[str] = set()
        self._root, self._stop, main = root, stop, root / LOCK_NAME
        self._own = root / f".stargan.{shard}.lock" if shard is not None else main
        if name is not None:
            self._own = root / FILE_LOCK.format(hashlib.sha256(os.fsencode(name)).hexdigest()[:32])
        self._files: dict[Path, BinaryIO] = {}
        self._swept = False
        try:
            if name is not None:
                self._take_own()
            elif shard is None:
                self._take_own()
                self._bury(ALL_LOCKS)
            else:
                self._files[main] = self._shared(main, shard)
                self._take_own()
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

    def note_run(self, swept: bool) -> None:
        """Note this run in its lock file: in place of the killed runs if what they left was `swept`, else beside them.
        Raises OSError."""
        file = self._files[self._own]
        if swept:
            file.truncate(0)
        _append(file, [RUN_ID])
        self._swept = swept

    def _take_own(self) -> None:
        """Lock the file that will note this run, unless that is done. The killed runs in it stay noted."""
        if self._own in self._files:
            return
        file = self._files[self._own] = lock_file(self._own)
        self.killed = self._killed_in(file)
        if not self.killed:
            file.truncate(0)

    def _take_over(self, file: BinaryIO) -> None:
        """Note the killed runs of another lock file in this run's."""
        killed = self._killed_in(file) - self.killed
        _append(self._files[self._own], killed)
        self.killed |= killed

    def _killed_in(self, file: BinaryIO) -> set[str]:
        ids = _ids(file) - {RUN_ID}  # which an earlier call in this process may have left
        return ids if ids and self._tells_killed else set()

    @cached_property
    def _tells_killed(self) -> bool:
        """Whether a lock that could be taken says that its run was killed; else that run may be at work."""
        return excludes(self._own)

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
            self._take_own()
            self._take_over(file)
            self._bury(SHARD_LOCKS)
            file.truncate(0)
            _append(file, [job])
            relock(file, shared=True)
        except BaseException:
            file.close()
            raise
        return file

    def _bury(self, locks: str) -> None:
        """Take over the killed runs that held `locks` (a pattern), and remove these lock files. Raises OSError if this
        is a whole run and one of a shard cannot be locked."""
        paths = read_ahead(self._root.glob(locks), stop=self._stop)  # a network share lists slowly
        others = [path for path in paths if path != self._own]
        for path in others if others and self._tells_killed else ():
            try:
                with lock_file(path) as file:
                    self._take_over(file)
                    with suppress(OSError):  # Windows removes no open file
                        file.truncate(0)
                        path.unlink()
            except OSError:
                if self._own.name == LOCK_NAME and path.match(SHARD_LOCKS):
                    raise

    def close(self) -> None:
        """Unlock, and remove the lock files that nobody else holds, but for those of killed runs whose files are not
        swept."""
        main_last = sorted(self._files.items(), key=lambda held: held[0].name == LOCK_NAME)
        for path, file in main_last:
            with suppress(OSError):
                relock(file, shared=False)
                if is_still_at(path, file) and (self._swept or not _ids(file)):
                    file.truncate(0)
                    path.unlink()
            file.close()
        self._files = {}


def _read(file: BinaryIO) -> str:
    file.seek(0)
    return file.read(MOST_BYTES).decode("ascii", "replace").strip()


def _ids(file: BinaryIO) -> set[str]:
    """The ids of runs in a lock file; none if it holds anything else."""
    words = _read(file).split()
    return set(words) if all(map(str.isdigit, words)) else set()


def _append(file: BinaryIO, words: Iterable[str]) -> None:
    """Raises OSError, with nothing appended."""
    end = file.seek(0, os.SEEK_END)
    try:
        write_all(file, "".join(f" {word}" for word in words).encode("ascii"))
    except OSError:
        file.truncate(end)
        raise
