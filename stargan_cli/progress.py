"""How a task says how far it is, without knowing who listens."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called by a task, from one thread, as often as it likes: cheap calls, the listener thins them out.

    `done` of `total` steps (pictures, iterations; None: not known yet, it may become known or grow later);
    `note` is a short plain text beside the bar, such as the losses.
    """

    def __call__(self, done: int, total: int | None, note: str = "") -> None: ...


def silent(done: int, total: int | None, note: str = "") -> None:
    """The listener that says nothing: the default of every task."""
