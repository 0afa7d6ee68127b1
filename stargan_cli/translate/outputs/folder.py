"""The output folder: for one run at a time, or the shards of one job. Nothing is written outside it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import islice
from pathlib import Path, PurePath
from types import TracebackType
from typing import BinaryIO

from stargan_cli.errors import OutputError, PictureError, UsageError, reason_of
from stargan_cli.files.atomic import Sync, adopt_run_id, make_folder, remove_unfinished
from stargan_cli.files.below import Below, OutsideError
from stargan_cli.files.read_ahead import read_ahead
from stargan_cli.files.writing import FATAL, MAKE_ROOM_FOR_OUT, replacing
from stargan_cli.translate.outputs.folder_lock import FolderLock
from stargan_cli.translate.shards import Shard

OUTPUTS_A_SYNC = 256


class OutputFolder:
    """An output folder, locked for one run, or for one shard beside the others, or unlocked but for one file in it; a
    context manager.

    The locks are the system's own, on hidden files: they end with the process, however that ends. A file that a killed
    run left unfinished is removed by the next run; one of a shard or of a single file, by the next run of that. A run
    that is stopped before it has removed them leaves them to the one after it.
    If a run that has the folder to itself made it and leaves it empty, `close` removes it.
    """

    def __init__(
        self,
        root: Path,
        shard: Shard | None = None,
        run_id: str | None = None,
        name: str | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """Makes the folder where it is missing. Raises UsageError where it cannot be locked or written.

        With the `run_id` (see `atomic.RUN_ID`) of a run that has locked the folder, it takes no lock of its own. With
        `name`, that of the only file to write, it locks nothing else. At `stop` it gives up looking for unfinished
        files, and leaves them to the next run.
        """
        self.root = root
        self._lock: FolderLock | None = None
        self._below: Below | None = None
        self._made = shard is None and run_id is None and name is None and not os.path.lexists(root)
        try:
            make_folder(root)
            self._below = Below(root)
            if run_id:
                adopt_run_id(run_id)
            else:
                self._lock = FolderLock(root, shard, name, stop)
                self._lock.note_run(self._sweep(self._lock.killed, None if name is None else 1, stop))
        except BlockingIOError as error:
            self._release()
            raise UsageError(
                f"another run is writing {root / name}"
                if name is not None
                else f"another run{f' of shard {shard}' if shard else ''} is writing into {root}",
                f"wait for it to end, or give another {'folder' if name is None else 'name'} to --out",
            ) from error
        except OSError as error:
            self._release()
            there = next(path for path in (root, *root.parents) if os.path.lexists(path))
            reason = reason_of(error) if os.path.isdir(there) else f"{there} is not a folder"
            raise UsageError(
                f"cannot write into the output folder {root}: {reason}", "give another one to --out"
            ) from error
        except BaseException:
            self._release()
            raise

    def __enter__(self) -> OutputFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except OutputError:
            if error is None:  # else the error under way says more
                raise

    def close(self) -> None:
        """Sync the names of the outputs, and unlock. Raises OutputError if the names cannot be synced."""
        with self._synced():
            self._release()

    def _release(self) -> None:
        try:
            if self._below is not None:
                self._below.close()
        finally:
            self._below = None
            if self._lock is not None:
                self._lock.close()
            if self._made:
                with suppress(OSError):  # outputs are in it
                    self.root.rmdir()

    @contextmanager
    def writing(self, relative: PurePath, sync: Sync = "file") -> Iterator[BinaryIO]:
        """A file for the output at `relative`; missing folders are made. It appears, complete, if the block ends
        without an error. It is synced unless `sync` is "nothing": then the caller syncs it in the block.

        Names are synced together: every OUTPUTS_A_SYNC outputs, and by `close`. Raises PictureError if the output would
        lie outside the output folder (a symlink may lead there) or cannot be written, and OutputError if no other
        output could be written either.
        """
        below = self._below
        if below is None or below.is_gone():
            raise OutputError(f"the output folder {self.root} is gone", "run it again to finish what is missing")
        with ExitStack() as stack:
            handle = stack.enter_context(self._opened(below, relative.parent))
            yield stack.enter_context(replacing(self.root / relative, sync, handle))
        if below.new_names >= OUTPUTS_A_SYNC:
            with self._synced():
                below.sync()

    @contextmanager
    def _opened(self, below: Below, parent: PurePath) -> Iterator[int | None]:
        try:
            with below.folder(parent) as handle:
                yield handle
        except OutsideError as error:
            raise PictureError(f"its output would lie outside the output folder: {error}") from error
        except OSError as error:
            text = f"cannot make the folder {self.root / parent}: {reason_of(error)}"
            raise OutputError(text, MAKE_ROOM_FOR_OUT) if error.errno in FATAL else PictureError(text) from error

    @contextmanager
    def _synced(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OutputError(
                f"cannot write into the output folder {self.root}: {reason_of(error)}", MAKE_ROOM_FOR_OUT
            ) from error

    def _sweep(self, killed: set[str], folders: int | None, stop: Callable[[], bool]) -> bool:
        """Remove the unfinished files of killed runs, from so many folders (None: all), the root first. Their names
        hold the ids that the lock files kept. Returns whether all were looked for before `stop`."""
        if not killed:
            return True

        def swept() -> Iterator[str]:
            for folder, _, _ in islice(os.walk(self.root), folders):
                remove_unfinished(Path(folder), lambda _entry, _name, run_id: run_id in killed)
                yield folder

        for _ in read_ahead(swept(), stop=stop):  # a network share may take minutes to list a folder
            pass
        return not stop()
