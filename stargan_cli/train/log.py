"""The log of a run's losses: rows of JSON, and TensorBoard's files beside them."""

from __future__ import annotations

import io
import json
import os
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from PIL import Image

from stargan_cli.errors import counted, reason_of
from stargan_cli.files.atomic import make_folder, replacement, sync_file, sync_folder
from stargan_cli.files.json_text import decoded, parsed_json
from stargan_cli.files.opening import open_regular
from stargan_cli.packages import import_package
from stargan_cli.progress import Say


class _Growing:
    """A file to which pieces are appended, each whole or not at all. A full disk is reported once, with `name`, and
    does not stop the run."""

    def __init__(self, path: Path, say: Say, name: str) -> None:
        self.path, self.say, self.name = path, say, name
        self._complained = False

    def append(self, piece: bytes) -> None:
        before = self.path.stat().st_size if self.path.is_file() else 0
        try:
            if self.path.exists():
                open_regular(self.path).close()  # a FIFO would wait for its reader
            with self.path.open("ab") as file:
                file.write(piece)
        except OSError as error:
            with suppress(OSError):
                os.truncate(self.path, before)
            if not self._complained:
                self.say(f"{self.name} {self.path} cannot be written ({reason_of(error)}); going on")
            self._complained = True


class RunLog(_Growing):
    """`log.jsonl`: a row has an iteration, the seconds until then, and numbers such as losses."""

    def __init__(self, path: Path, say: Say) -> None:
        super().__init__(path, say, "the log")

    def keep_until(self, iteration: int) -> None:
        """Drop the rows after `iteration`, and an incomplete last line: a resumed run writes them again. Lines that are
        no rows, since somebody edited the file, are kept and reported. Raises OSError."""
        if not self.path.is_file():
            return
        *lines, last = self._text().split("\n")
        if _row(last) is not None:  # an editor may leave out the end of the last line
            lines.append(last)
        rows = [_row(line) for line in lines]
        if foreign := [number for number, row in enumerate(rows, start=1) if row is None]:
            more = f", and {counted(len(foreign) - 1, 'more line')} of it," if foreign[1:] else ""
            self.say(f"{self.path}, line {foreign[0]}{more} is no row of a log; kept as it is")
        kept = [line for line, row in zip(lines, rows, strict=True) if row is None or row["iteration"] <= iteration]
        with replacement(self.path) as temporary:
            temporary.write_bytes("".join(f"{line}\n" for line in kept).encode("utf-8", "surrogateescape"))

    def has(self, iteration: int, name: str) -> bool:
        """Whether a row of this iteration, as `keep_until` leaves them, has a value of this name."""
        if not self.path.is_file():
            return False
        rows = filter(None, map(_row, self._text().split("\n")))
        return any(row["iteration"] == iteration and name in row for row in rows)

    def _text(self) -> str:
        """The file's text. Bytes that are not in its encoding become lone surrogates."""
        data = self.path.read_bytes()
        try:
            return decoded(data)
        except UnicodeDecodeError:
            return data.decode("utf-8", "surrogateescape")

    def write(self, row: dict[str, Any]) -> None:
        """Append a row. A full disk does not stop the run."""
        self.append(f"{json.dumps(row)}\n".encode())

    def sync(self) -> None:
        """Wait until the rows are on the disk, before a checkpoint that relies on them. An error is ignored: the
        checkpoint matters more."""
        with suppress(OSError):
            sync_file(self.path)
            sync_folder(self.path.parent)


def _row(line: str) -> dict[str, Any] | None:
    """The row in a line; None if it holds none, as other programs may have edited the file."""
    try:
        row = parsed_json(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) and isinstance(row.get("iteration"), (int, float)) else None


class Board:
    """A file of a run for TensorBoard, in `folder`.

    Its records are written at once, and not by the thread of TensorBoard's own writer, which ends for good with the
    first error of the disk.
    """

    def __init__(self, folder: Path, iteration: int, say: Say) -> None:
        """Begin after `iteration`: TensorBoard hides what an earlier call wrote for later ones. Raises UsageError where
        the package is not installed, and OSError."""
        require_board()
        make_folder(folder)
        name = f"events.out.tfevents.{time.time():.6f}.{socket.gethostname()}.{os.getpid()}"
        self._file = _Growing(folder / name, say, "TensorBoard's file")
        begin = {"file_version": "brain.Event:2"}, {"session_log": {"status": "START"}}
        self._file.path.write_bytes(b"".join(_record(iteration + 1, **content) for content in begin))

    def scalars(self, numbers: dict[str, float], iteration: int) -> None:
        self._append(iteration, [{"tag": name, "simple_value": value} for name, value in numbers.items()])

    def picture(self, name: str, picture: Image.Image, iteration: int) -> None:
        png = io.BytesIO()
        picture.save(png, "PNG")
        image = {
            "width": picture.width,
            "height": picture.height,
            "colorspace": 3,
            "encoded_image_string": png.getvalue(),
        }
        self._append(iteration, [{"tag": name, "image": image}])

    def _append(self, iteration: int, values: list[dict[str, Any]]) -> None:
        self._file.append(_record(iteration, summary={"value": values}))


def _record(iteration: int, **content: Any) -> bytes:
    """An event of now as a record of TensorBoard's files; `content` is one field of the event."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.record_writer import RecordWriter

    record = io.BytesIO()
    RecordWriter(record).write(Event(step=iteration, wall_time=time.time(), **content).SerializeToString())
    return record.getvalue()


def require_board() -> None:
    """Raises UsageError where TensorBoard's package is not installed, or cannot be loaded."""
    for name in ("tensorboard", "tensorboard.compat.proto.event_pb2", "tensorboard.summary.writer.record_writer"):
        import_package(name, "--log tensorboard", "stargan-cli[tensorboard]")
