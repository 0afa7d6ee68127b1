"""Progress on stderr: a Rich bar on a terminal, plain lines now and then anywhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from stargan_cli.cli.messages import say, shown
from stargan_cli.progress import Progress, silent

if TYPE_CHECKING:
    from rich.progress import Progress as Display
    from rich.progress import TaskID

FIRST_LINE_SECONDS = 10.0

_display: Display | None = None  # a terminal bears one live display at a time


@contextmanager
def show_progress(title: str, unit: str = "pictures", quiet: bool = False) -> Iterator[Progress]:
    """A listener for a task; `unit` names its steps. On a terminal, text that is printed meanwhile through
    `messages` or `sys.stderr` appears above the bar."""
    if quiet:
        yield silent
    elif sys.stderr.isatty():
        with _rich_bar(title, unit) as listener:
            yield listener
    else:
        lines = PlainLines(title, unit)
        yield lines
        lines.finish()


@contextmanager
def _rich_bar(title: str, unit: str) -> Iterator[Progress]:
    """A row of the display that is there already, or a display of its own; the row appears with the first step."""
    global _display
    opened = _new_display() if _display is None else None
    if opened is not None:
        _display = opened
        opened.start()
    display = _display
    rows: list[TaskID] = []

    def listener(done: int, total: int | None, note: str = "") -> None:
        assert display is not None
        if not rows:
            rows.append(display.add_task(shown(title), total=total, note="", unit=unit))
        display.update(rows[0], completed=done, total=total, note=shown(note))

    try:
        yield listener
    finally:
        if opened is not None:
            opened.stop()
            _display = None


def _new_display() -> Display:
    """Notes (the losses of a training) stand in a line of their own: beside the bar there is no room for them."""
    from rich.console import Console, RenderableType
    from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, Task, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Display
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text(f"{speed:,.1f} {task.fields['unit']}/s" if speed else "")

    class WithNotes(Display):
        def get_renderables(self) -> Iterable[RenderableType]:
            yield from super().get_renderables()
            for task in self.tasks:
                if task.fields["note"] and not task.finished:
                    yield Text(f"  {task.fields['note']}")

    return WithNotes(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        TimeRemainingColumn(compact=True),
        console=Console(stderr=True),
        redirect_stdout=sys.stdout.isatty(),
    )


class PlainLines:
    """A line after ten seconds, then ever more rarely (each wait a twentieth of the time so far, ten seconds at
    least), and one at the end: a log of a long run stays short."""

    def __init__(self, title: str, unit: str) -> None:
        self._title, self._unit = shown(title), unit
        self._start = self._next = 0.0
        self._first = 0
        self._state: tuple[int, int | None, str] | None = None
        self._shown: tuple[int, int | None, str] | None = None

    def __call__(self, done: int, total: int | None, note: str = "") -> None:
        now = time.monotonic()
        if self._state is None:
            self._start, self._next, self._first = now, now + FIRST_LINE_SECONDS, max(0, done - 1)
        self._state = (done, total, note)
        if now >= self._next:
            self._say()
            self._next = now + max(FIRST_LINE_SECONDS, (now - self._start) / 20)

    def finish(self) -> None:
        if self._state != self._shown:
            self._say()

    def _say(self) -> None:
        from tqdm import tqdm

        if self._state is None:
            return
        done, total, note = self._shown = self._state
        elapsed = time.monotonic() - self._start
        meter = tqdm.format_meter(
            done, total, elapsed, ncols=0, prefix=self._title, unit=f" {self._unit}", initial=self._first
        )
        say(f"{meter}{', ' if note else ''}{shown(note)}")
