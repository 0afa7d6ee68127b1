"""The manifest: one row for each output, in a file that later runs extend."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from stargan_cli.errors import OutputError, UsageError, reason_of
from stargan_cli.files.atomic import make_folder, replacement, sync_folder, sync_handle
from stargan_cli.files.bounded_lines import lines
from stargan_cli.files.locks import is_still_at, locked
from stargan_cli.files.opening import open_regular
from stargan_cli.files.writable import require_file, require_regular
from stargan_cli.files.writing import FULL, MAKE_ROOM, write_all
from stargan_cli.progress import TABLE_ROWS, Say, told, unheard
from stargan_cli.translate.report import Failing, Row, row_key

ROWS_A_SYNC = 256
OTHER_TABLES = (".csv", ".tsv", ".json", ".xlsx", ".parquet")
"""Suffixes of files in which other programs expect something other than rows of JSON."""


class Manifest:
    """A JSONL file with one row for each output (for each source without an output), however many runs wrote to it.

    Rows are appended one by one, unbuffered, and synced every ROWS_A_SYNC rows and by `close`. A torn last line of a
    killed run is dropped. Replaced rows, and failures of sources that succeeded later, are removed when the file is
    opened and closed. Takes some 150 bytes of memory a row.
    """

    def __init__(self, path: Path, tell: Say = unheard) -> None:
        """`tell` is called while the earlier rows are read; what it raises leaves the file as it was. Raises UsageError
        if the file at `path` is not a manifest, cannot be written, or is in use by another run."""
        self.path = path = path.resolve()  # a symlink to a manifest stays a symlink
        self._rows: dict[bytes, tuple[int, str | None]] = {}  # key -> line number, and done, copied or neither
        self._lines = self._unsynced = 0
        self._failing = Failing()
        if path.exists() and not path.is_file():
            raise UsageError(f"cannot write the manifest {path}: not a regular file")
        try:
            make_folder(path.parent)
            self._file = locked(path)
            try:
                sync_folder(path.parent)
                self._read(tell)
                if self._lines > len(self._rows):
                    self._compact()
                    self._file.close()
                    self._file = locked(path)
                self._file.seek(0, os.SEEK_END)
            except BaseException:
                self._file.close()
                raise
        except ValueError as error:
            raise UsageError(f"{path} is no manifest: {error}", "give another file to --manifest") from error
        except BlockingIOError as error:
            raise UsageError(
                f"another run is writing the manifest {path}", "wait for it to end, or give another file to --manifest"
            ) from error
        except OSError as error:
            raise UsageError(f"cannot write the manifest {path}: {reason_of(error)}") from error

    def add(self, row: Row) -> None:
        """Append a row. A row that is skipped because a file is there is not written if there is a row for the same
        output that says done, or that says copied and the file is still that copy. Raises OutputError."""
        earlier = self._rows.get(row_key(row), (0, None))[1]
        if (earlier and row.is_there) or (earlier == "done" and row.in_the_way):
            self._drop_ended(row)
            return
        try:
            write_all(self._file, row.to_json().encode("ascii") + b"\n")
            self._unsynced += 1
            if self._unsynced >= ROWS_A_SYNC:
                self._sync()
        except OSError as error:
            raise self._write_error(error) from error
        self._index(row)

    def _sync(self) -> None:
        sync_handle(self._file.fileno())
        self._unsynced = 0

    def _index(self, row: Row) -> None:
        """Note the line number of a row, and drop the earlier rows that it replaces."""
        self._drop_ended(row)
        self._rows[row_key(row)] = (self._lines, "done" if row.status == "done" else "copied" if row.copied else None)
        self._lines += 1

    def _drop_ended(self, row: Row) -> None:
        for key in self._failing.ended_by(row):
            del self._rows[key]

    def close(self) -> None:
        """Sync, compact and close the file. Raises OutputError if that fails."""
        try:
            with self._file:
                if not is_still_at(self.path, self._file):
                    raise OSError("it was removed or replaced meanwhile")
                self._sync()
                if self._lines > len(self._rows):
                    self._compact()
        except OSError as error:
            raise self._write_error(error) from error

    def _write_error(self, error: OSError) -> OutputError:
        hint = MAKE_ROOM if error.errno in FULL else None
        return OutputError(f"cannot write the manifest {self.path}: {reason_of(error)}", hint)

    def __enter__(self) -> Manifest:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
            return
        with suppress(OutputError):  # the error under way says more
            self.close()

    def _read(self, tell: Say) -> None:
        """Index the existing rows, and cut the file off at the first torn one."""
        with self.path.open("r+b") as file:
            whole = 0
            for line in told(lines(file), tell, f"reading {self.path.name}", every=TABLE_ROWS):
                try:
                    row = Row.from_json(line)
                except ValueError as error:
                    if not _is_torn(line, first=not self._lines):
                        raise UsageError(
                            f"{self.path} is no manifest: line {self._lines + 1} is not a manifest row",
                            "give another file to --manifest",
                        ) from error
                    break
                if not line.endswith(b"\n"):
                    break
                whole += len(line)
                self._index(row)
            file.truncate(whole)

    def _compact(self) -> None:
        """Write the file anew without the rows that later ones replace."""
        kept = {number for number, _ in self._rows.values()}
        with replacement(self.path) as temporary, self.path.open("rb") as old, temporary.open("wb") as new:
            new.writelines(line for number, line in enumerate(old) if number in kept)
        order = {old: new for new, old in enumerate(sorted(kept))}
        self._rows = {key: (order[number], made) for key, (number, made) in self._rows.items()}
        self._lines = len(self._rows)


def require_manifest(path: Path, inputs: Iterable[Path]) -> None:
    """Raises UsageError where a manifest cannot be written there (see `writable.require_file`)."""
    require_regular(path, "--manifest")  # what a link into /proc resolves to says nothing of a pipe
    require_rows(path, "--manifest")
    require_file(path.resolve(), "--manifest", inputs=inputs, own=is_manifest, overwrite=True)


def require_rows(path: Path, what: str) -> None:
    """Raises UsageError if the suffix of `path` is that of another kind of table. `what` is the option."""
    if path.suffix.lower() in OTHER_TABLES:
        raise UsageError(f"{what} {path}: a manifest is rows of JSON, one a line", f"name it {path.stem}.jsonl")


def is_manifest(path: Path) -> bool:
    """Whether the first line of a file is a row."""
    try:
        with open_regular(path) as file:
            Row.from_json(next(lines(file), b""))
    except (OSError, ValueError):
        return False
    return True


def _is_torn(line: bytes, first: bool) -> bool:
    """Whether a killed run or a power cut may have left this line: the beginning of a row, or zeros. The first line
    must begin like a row or be zeros, as nothing before it shows that the file is a manifest."""
    if first:
        return not line.endswith(b"\n") and (line.startswith(b'{"source"'[: len(line)]) or not line.strip(b"\0"))
    return not line.endswith(b"\n") or b"\0" in line
