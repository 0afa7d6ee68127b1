"""The output folder: one run at a time, or the shards of one job, and nothing is written outside it."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path, PurePath
from types import TracebackType

from stargan_cli.errors import OutputError, PictureError, UsageError
from stargan_cli.files.atomic import adopt_mark
from stargan_cli.pictures.encoding import FATAL, MAKE_ROOM
from stargan_cli.translate.outputs.folder_lock import Hold
from stargan_cli.translate.shards import Shard

_LEFT_OVER = re.compile(r"\..+\.(\d+)\.tmp", re.DOTALL)


class OutputFolder:
    """Holds an output folder for one run, or for one shard beside the others, as a context manager.

    The locks are the system's own, on hidden files: they end with the process, however that ends. A file that a killed
    run left unfinished is removed by the next run; one of a shard, by the next run of that shard.
    """

    def __init__(self, root: Path, shard: Shard | None = None, mark: str | None = None) -> None:
        """Makes the folder where it is missing. Raises UsageError where it cannot be had.

        With the `mark` (see `replacement.RUN_MARK`) of a run that holds the folder, this is but another process of it.
        """
        self.root = root
        self._made: set[PurePath] = set()
        try:
            root.mkdir(parents=True, exist_ok=True)
            self._real = root.resolve(strict=True)
            self._hold = None if mark else Hold(root, shard)
            if mark:
                adopt_mark(mark)
            try:
                self._sweep()
            except OSError:
                self.close()
                raise
        except BlockingIOError as error:
            raise UsageError(
                f"another run{f' of shard {shard}' if shard else ''} is writing into {root}",
                "wait for it to end, or give another folder to --out",
            ) from error
        except OSError as error:
            raise UsageError(
                f"cannot write into the output folder {root}: {error.strerror or error}", "give another one to --out"
            ) from error

    def __enter__(self) -> OutputFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        if self._hold is not None:
            self._hold.close()

    def place(self, relative: PurePath) -> Path:
        """Where an output goes; makes the subfolders above it.

        Raises PictureError where the place lies outside the output folder (a symlink may lead there) or cannot be
        made, and OutputError where the output folder itself is gone.
        """
        parent = relative.parent
        if parent not in self._made:
            self._make(parent)
        return self.root / relative

    def _make(self, parent: PurePath) -> None:
        if parent.is_absolute() or ".." in parent.parts:
            raise PictureError(f"its output would lie outside the output folder: {parent}")
        if not self.root.is_dir():
            raise OutputError(f"the output folder {self.root} is gone", "run it again to finish what is missing")
        folder = self.root
        try:
            for part in parent.parts:
                folder = folder / part
                folder.mkdir(exist_ok=True)
                if folder.is_symlink() and not folder.resolve().is_relative_to(self._real):
                    raise PictureError(f"its output would lie outside the output folder: {folder} leads elsewhere")
        except OSError as error:
            if error.errno in FATAL:
                raise OutputError(f"cannot make the folder {folder}: {error.strerror}", MAKE_ROOM) from error
            raise PictureError(f"cannot make the folder {folder}: {error.strerror or error}") from error
        if len(self._made) < 100_000:
            self._made.add(parent)

    def _sweep(self) -> None:
        """Remove what killed runs left half-written: the lock files still say which files were theirs."""
        if self._hold is None or not self._hold.left:
            return
        for folder, _, names in os.walk(self.root):
            for name in names:
                found = _LEFT_OVER.fullmatch(name)
                if found and found.group(1) in self._hold.left:
                    with suppress(OSError):
                        os.unlink(os.path.join(folder, name))
