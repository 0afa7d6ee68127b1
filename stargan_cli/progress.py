"""The callbacks of a task: how it reports progress and messages without knowing who shows them."""

from __future__ import annotations

from collections.abc import Callable
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


Say = Callable[[str], None]
"""A callback that gets a message for the user: plain text, without a line break."""


def unheard(text: str) -> None:
    """Ignore all messages. This is the default of every task."""
