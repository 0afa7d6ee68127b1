"""The manifest: one row for each output, in a file that later runs go on with."""

from __future__ import annotations

import os
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from types import TracebackType

from stargan_cli.errors import OutputError, UsageError
from stargan_cli.files.atomic import replacement
from stargan_cli.files.bounded_lines import lines
from stargan_cli.files.locks import is_still_at, locked
from stargan_cli.translate.report import Row


class Manifest:
    """A JSONL file with one row for each output (for each source, where there is no output), whatever number of runs
    wrote to it.

    Rows are appended one by one, unbuffered. A last line that a killed run left torn is dropped; rows that later ones
    replace are taken out when the file is opened and closed. Holds some 150 bytes of memory a row.
    """

    def __init__(self, path: Path) -> None:
        """Raises UsageError where there is a file at `path` that is no manifest, or that another run writes to."""
        self.path = path = path.resolve()  # a link to a manifest stays one
        self._rows: dict[bytes, tuple[int, bool]] = {}  # key -> line number, and whether the row says done
        self._lines = 0
        if path.exists() and not path.is_file():
            raise UsageError(f"cannot write the manifest {path}: not a regular file")
        try:
            self._file = locked(path)
            try:
                self._read()
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
            raise UsageError(f"cannot write the manifest {path}: {error.strerror or error}") from error

    def add(self, row: Row) -> None:
        """Append a row; one that only says that the work was done before adds nothing to the row of that work."""
        key = _key(row)
        if row.status == "skipped" and self._rows.get(key, (0, False))[1]:
            return
        try:
            line = row.to_json().encode("ascii") + b"\n"
            if self._file.write(line) != len(line):
                raise OSError("it was written in part")
        except OSError as error:
            raise OutputError(f"cannot write the manifest {self.path}: {error.strerror or error}") from error
        self._rows[key] = (self._lines, row.status == "done")
        self._lines += 1

    def close(self) -> None:
        """Raises OutputError where what is left to write cannot be written."""
        try:
            with self._file:
                if not is_still_at(self.path, self._file):
                    raise OSError("it was removed or replaced meanwhile")
                if self._lines > len(self._rows):
                    self._compact()
        except OSError as error:
            raise OutputError(f"cannot write the manifest {self.path}: {error.strerror or error}") from error

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

    def _read(self) -> None:
        """Index the rows that are there, and cut off a torn last line."""
        with self.path.open("r+b") as file:
            whole = 0
            for line in lines(file):
                try:
                    row = Row.from_json(line)
                except ValueError as error:
                    if line.endswith(b"\n") or not (self._lines or line.startswith(b'{"source"'[: len(line)])):
                        raise UsageError(
                            f"{self.path} is no manifest: line {self._lines + 1} is not one of its rows",
                            "give another file to --manifest",
                        ) from error
                    break
                if not line.endswith(b"\n"):
                    break
                whole += len(line)
                self._rows[_key(row)] = (self._lines, row.status == "done")
                self._lines += 1
            file.truncate(whole)

    def _compact(self) -> None:
        """Write the file anew without the rows that later ones replace."""
        kept = {number for number, _ in self._rows.values()}
        with replacement(self.path) as temporary, self.path.open("rb") as old, temporary.open("wb") as new:
            new.writelines(line for number, line in enumerate(old) if number in kept)
        order = {old: new for new, old in enumerate(sorted(kept))}
        self._rows = {key: (order[number], done) for key, (number, done) in self._rows.items()}
        self._lines = len(self._rows)


def _key(row: Row) -> bytes:
    name = row.source if row.output is None else f"{row.source}\0{row.output}"
    return blake2b(name.encode("utf-8", "surrogatepass"), digest_size=12).digest()
