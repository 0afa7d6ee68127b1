"""The progress callback: how a task reports its progress without knowing who shows it."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """A callback that a task calls from one thread, as often as it likes: calls are cheap, and the display skips some.

    `done` counts finished steps (pictures, iterations) of `total`. `total` is None while it is unknown, and may grow.
    `skipped` counts steps of `total` that needed no work; `done` does not include them. `note` is a short plain text,
    such as the losses or, before the first step, what the task is waiting for.
    """

    def __call__(self, done: int, total: int | None, note: str = "", skipped: int = 0) -> None: ...


def silent(done: int, total: int | None, note: str = "", skipped: int = 0) -> None:
    """Ignore all progress. This is the default of every task."""
