"""How far a task has come, reported without knowing who listens."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """A task calls it from one thread, as often as it likes: calls are cheap, the listener thins them out.

    `done` of `total` steps (pictures, iterations; None while the total is unknown; it may grow later). `skipped` counts
    the steps of `total` that needed no work; `done` leaves them out. `note` is a short plain text, such as the losses
    or, before the first step, what the task is waiting for.
    """

    def __call__(self, done: int, total: int | None, note: str = "", skipped: int = 0) -> None: ...


def silent(done: int, total: int | None, note: str = "", skipped: int = 0) -> None:
    """The listener that ignores everything: the default of every task."""
