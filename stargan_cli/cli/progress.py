"""Progress on stderr: a Rich bar on a terminal, otherwise plain lines at growing intervals."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from stargan_cli.cli.messages import say, shown
from stargan_cli.cli.meter import Meter
from stargan_cli.progress import Progress, silent

if TYPE_CHECKING:
    from rich.progress import Progress as Display
    from rich.progress import TaskID

FIRST_LINE_SECONDS = 10.0

_display: Display | None = None  # Rich can show only one live display on a terminal


@contextmanager
def show_progress(
    title: str, unit: str = "pictures", quiet: bool = False, seconds: float = float("inf"), results: bool = False
) -> Iterator[Progress]:
    """A callback that shows a task's progress. `unit` names its steps; the task ends after `seconds` at the latest.

    On a terminal, text that is printed meanwhile through `messages` or `sys.stderr` appears above the bar. With
    `results`, the task prints results on stdout: if that is a terminal too, a bar would spoil them, and lines are
    shown.
    """
    if quiet:
        yield silent
        return
    meter = Meter(unit, seconds)
    if sys.stderr.isatty() and not (results and sys.stdout.isatty()):
        with _rich_bar(title, meter) as listener:
            yield listener
    else:
        lines = PlainLines(title, meter)
        yield lines
        lines.finish()


@contextmanager
def _rich_bar(title: str, meter: Meter) -> Iterator[Progress]:
    """A row in the display that is open, or else in a new one. The row appears with the first call."""
    global _display
    opened = _new_display() if _display is None else None
    if opened is not None:
        _display = opened
        opened.start()
    display = _display
    rows: list[TaskID] = []
    steps = 0

    def listener(done: int, total: int | None, note: str = "", skipped: int = 0) -> None:
        nonlocal steps
        assert display is not None
        meter.update(done, total, skipped, time.monotonic())
        if meter.share() == 1.0 and done + skipped > steps:
            note = ""  # of the last step
        steps = done + skipped
        if not rows:
            rows.append(display.add_task(shown(title), total=None, note=shown(note), meter=meter))
        share = meter.share()
        if share is not None:
            display.update(rows[0], completed=share, total=1.0)
        display.update(rows[0], note=shown(note), refresh=not meter.begun)

    try:
        yield listener
    finally:
        if opened is not None:
            opened.stop()
            _display = None


def _new_display() -> Display:
    """A display with two lines for each task: title and bar; counts, rate and time. Where these are too long for the
    terminal, each has a line of its own, which fits 40 columns. A note comes below them."""
    from rich.console import Console, RenderableType
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
    from rich.text import Text

    class TwoLines(Progress):
        def get_renderables(self) -> Iterable[RenderableType]:
            for task in self.tasks:
                yield self.make_tasks_table([task])
                meter: Meter = task.fields["meter"]
                if meter.begun or not task.fields["note"]:
                    text = f"  {meter.text(time.monotonic())}"
                    yield Text(text if len(text) <= self.console.width else text.replace(", ", "\n  "))
                if task.fields["note"]:
                    yield Text(f"  {task.fields['note']}")

    return TwoLines(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        TaskProgressColumn(),
        console=Console(stderr=True),
        redirect_stdout=sys.stdout.isatty(),
    )


class PlainLines:
    """Prints a line after ten seconds, then more and more rarely, and one at the end, so that the log of a long run
    stays short. Each wait is a twentieth of the time so far, and at least ten seconds."""

    def __init__(self, title: str, meter: Meter) -> None:
        self._title, self._meter = shown(title), meter
        self._start = self._next = 0.0
        self._note: str | None = None
        self._latest: tuple[object, ...] | None = None
        self._said: tuple[object, ...] | None = None

    def __call__(self, done: int, total: int | None, note: str = "", skipped: int = 0) -> None:
        now = time.monotonic()
        self._meter.update(done, total, skipped, now)
        if self._latest is None:
            self._start, self._next = now, now + FIRST_LINE_SECONDS
        self._latest, self._note = (done, total, skipped), note
        if now >= self._next:
            self._say(now)
            self._next = now + max(FIRST_LINE_SECONDS, (now - self._start) / 20)

    def finish(self) -> None:
        if self._latest != self._said:
            self._say(time.monotonic())

    def _say(self, now: float) -> None:
        self._said = self._latest
        counts = [self._meter.text(now)] if self._meter.begun or not self._note else []
        say(f"{self._title}: {', '.join([*counts, *([shown(self._note)] if self._note else [])])}")
