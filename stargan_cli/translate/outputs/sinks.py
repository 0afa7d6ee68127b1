"""Where outputs are written: a local folder, or one that fsspec reaches. Each output appears whole or not at all."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from filecmp import cmp
from functools import partial
from io import BytesIO
from pathlib import Path, PurePath
from typing import BinaryIO, Protocol

from stargan_cli.errors import PictureError
from stargan_cli.files.atomic import temporary_name
from stargan_cli.files.blobs import Source
from stargan_cli.pictures.provenance import read_fingerprint
from stargan_cli.translate.inputs.remote import RemotePath
from stargan_cli.translate.outputs.begun import AtOnce, Begun, BegunFile
from stargan_cli.translate.outputs.folder import OutputFolder
from stargan_cli.translate.outputs.names import folding_of
from stargan_cli.translate.outputs.remote_sink import RemoteSink
from stargan_cli.translate.shards import Shard


class Sink(Protocol):
    """Takes outputs by their paths below one folder. `fold` is that of `names.names_for`."""

    @property
    def fold(self) -> Callable[[str], str]: ...

    def name(self, output: PurePath) -> str:
        """The output's full name, for messages and manifests."""
        ...

    def exists(self, output: PurePath) -> bool:
        """Whether a file is at the output's path. Raises PictureError if a folder is."""
        ...

    def fingerprint(self, output: PurePath) -> str | None:
        """The fingerprint in an output's metadata; empty if it has none, None if the output does not exist."""
        ...

    def holds_nothing_of_its_own(self, output: PurePath, source: Source) -> bool:
        """Whether the existing file is empty or a copy of the source: replacing it loses nothing."""
        ...

    def is_older(self, output: PurePath, source: Source) -> bool:
        """Whether an existing output was written before its source; False if that is unknown."""
        ...

    def is_source(self, output: PurePath, source: Source) -> bool:
        """Whether this output would replace this source."""
        ...

    def file(self, output: PurePath) -> AbstractContextManager[BinaryIO]:
        """A file that becomes the output if the block ends without an error, and else is removed.

        Raises PictureError if this output cannot be written, OutputError if no other could be either.
        """
        ...

    def begin(self, output: PurePath, data: bytes) -> Begun:
        """Begin an output that appears once it is synced and finished. Raises what `file` raises."""
        ...

    def remove_unfinished(self, output: PurePath) -> None:
        """Remove what a process of this run left of an output when it died while writing it."""
        ...


class LocalSink:
    """A local folder. Without `held` (in a dry run) nothing can be written."""

    def __init__(self, root: Path, held: OutputFolder | None) -> None:
        self.root, self._held = root, held
        self._start = str(root / "x")[:-1]

    @property
    def fold(self) -> Callable[[str], str]:
        return folding_of(self.root, dry=self._held is None)

    def name(self, output: PurePath) -> str:
        return self._start + str(output)

    def exists(self, output: PurePath) -> bool:
        name = self.name(output)
        try:
            mode = os.lstat(name).st_mode
        except (OSError, ValueError):
            return False
        if stat.S_ISDIR(mode):
            raise PictureError(f"a folder is in the way of its output {name}")
        return True

    def fingerprint(self, output: PurePath) -> str | None:
        return (read_fingerprint(self.root / output) or "") if self.exists(output) else None

    def holds_nothing_of_its_own(self, output: PurePath, source: Source) -> bool:
        path = self.root / output
        try:
            if path.is_symlink() or not path.is_file():
                return False
            size = path.stat().st_size
            if size == 0:
                return True
            if not isinstance(source, Path):
                return path.read_bytes() == source.read()
            return size == source.stat().st_size and cmp(path, source, shallow=False)
        except OSError:
            return False

    def is_older(self, output: PurePath, source: Source) -> bool:
        if not isinstance(source, Path):
            return False
        changed = source.stat().st_mtime_ns
        # a time in the future says nothing: some clock was wrong
        return (self.root / output).stat().st_mtime_ns < changed <= time.time_ns()

    def is_source(self, output: PurePath, source: Source) -> bool:
        try:
            return isinstance(source, Path) and os.path.samefile(self.name(output), source)
        except OSError:  # one of them is not there
            return False

    def file(self, output: PurePath) -> AbstractContextManager[BinaryIO]:
        return self._folder().writing(output)

    def begin(self, output: PurePath, data: bytes) -> Begun:
        return BegunFile(self._folder().writing(output, sync="nothing"), data)

    def _folder(self) -> OutputFolder:
        if self._held is None:
            raise ValueError("a dry run writes nothing")
        return self._held

    def remove_unfinished(self, output: PurePath) -> None:
        place = self.root / output
        with suppress(OSError):
            place.with_name(temporary_name(place.name)).unlink(missing_ok=True)


class MemorySink:
    """Keeps outputs in memory, by their paths, for a caller that writes them elsewhere. `name` gives full names."""

    def __init__(self, name: Callable[[PurePath], str] = str) -> None:
        self.data: dict[PurePath, bytes] = {}
        self.name = name

    fold: Callable[[str], str] = staticmethod(str)

    def exists(self, output: PurePath) -> bool:
        return False

    def fingerprint(self, output: PurePath) -> str | None:
        return None

    def holds_nothing_of_its_own(self, output: PurePath, source: Source) -> bool:
        return False

    def is_older(self, output: PurePath, source: Source) -> bool:
        return False

    def is_source(self, output: PurePath, source: Source) -> bool:
        return False

    @contextmanager
    def file(self, output: PurePath) -> Iterator[BinaryIO]:
        file = BytesIO()
        yield file
        self.data[output] = file.getvalue()

    def begin(self, output: PurePath, data: bytes) -> Begun:
        return AtOnce(partial(self.data.__setitem__, output, data))

    def remove_unfinished(self, output: PurePath) -> None:
        pass


@contextmanager
def opened(
    out: Path | RemotePath,
    shard: Shard | None = None,
    dry: bool = False,
    run_id: str | None = None,
    name: str | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Sink]:
    """The sink for an output folder, which is known to be writable, unless the run is `dry`; a local one is locked for
    one run or shard. `run_id`, `name` and `stop` are those of `OutputFolder`. Raises UsageError."""
    if isinstance(out, RemotePath):
        sink = RemoteSink(out)
        if dry:
            out.kind()
        elif run_id is None:
            sink.require_writable()
        yield sink
    elif dry:
        yield LocalSink(out, None)
    else:
        with OutputFolder(out, shard, run_id, name, stop) as held:
            yield LocalSink(out, held)
