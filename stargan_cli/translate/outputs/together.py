"""Write the outputs of one picture together, and give their rows."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import PurePath
from typing import Any, TypeVar

from stargan_cli.errors import OutputError, PictureError, shortage, shortened
from stargan_cli.translate.outputs.begun import AtOnce, Begun, Unsynced
from stargan_cli.translate.outputs.sinks import Sink
from stargan_cli.translate.questions import Asking, Question
from stargan_cli.translate.report import Row

most_together = 16
"""How many outputs of a picture are synced before the first of them appears; each holds two file descriptors."""
Made = TypeVar("Made")
Steps = Generator[Question | Unsynced, Any, Made]
"""A picture's steps. They yield a question and get its answer, or yield `Unsynced` and go on once that is synced."""


def set_most_together(number: int) -> None:
    """Set `most_together` in this process, for a worker process."""
    global most_together
    most_together = number


def synced_at_once(steps: Steps[Made]) -> Asking[Made]:
    """The same steps, except that they sync their outputs themselves and never yield `Unsynced`."""
    step: Callable[[], Question | Unsynced] = partial(next, steps)
    while True:
        try:
            asked = step()
        except StopIteration as end:
            made: Made = end.value
            return made
        if isinstance(asked, Unsynced):
            asked.sync()
            step = partial(next, steps)
            continue
        try:
            step = partial(steps.send, (yield asked))
        except Exception as error:
            step = partial(steps.throw, error)


@dataclass(frozen=True)
class PendingOutput:
    """An output to write: its row if that succeeds, and what makes the bytes of its `file` (None: nothing to write)."""

    row: Row
    output: PurePath
    file: Callable[[], bytes] | None


def written(due: Sequence[PendingOutput], sink: Sink) -> Steps[list[Row]]:
    """Write outputs, and return their rows. Raises only OutputError: other errors make failed rows."""
    rows: list[Row] = []
    for start in range(0, len(due), most_together):
        some = yield from _written_together(due[start : start + most_together], sink)
        rows += some
    return rows


def _written_together(due: Sequence[PendingOutput], sink: Sink) -> Steps[list[Row]]:
    rows, begun = [one.row for one in due], dict[int, Begun]()

    def begin(number: int, output: PurePath, file: Callable[[], bytes]) -> None:
        begun[number] = sink.begin(output, file())

    try:
        for number, one in enumerate(due):
            if one.file is not None:
                rows[number] = _tried(rows[number], partial(begin, number, one.output, one.file))
        if waiting := tuple(output for output in begun.values() if not isinstance(output, AtOnce)):
            yield Unsynced(waiting)
        for number, output in begun.items():
            rows[number] = _tried(rows[number], output.finish)
    finally:
        for output in begun.values():
            output.discard()
    return rows


def _tried(row: Row, write: Callable[[], None]) -> Row:
    """Run a step of writing an output, and return its row. Raises only OutputError."""
    try:
        write()
    except OutputError:
        raise
    except Exception as error:
        return replace(row, status="failed", reason=in_words(error))
    return row


def in_words(error: Exception) -> str:
    """An error as the reason of a failed row."""
    known = error if isinstance(error, PictureError) else shortage(error)
    return str(known) if known is not None else shortened(f"{type(error).__name__}: {error}")
