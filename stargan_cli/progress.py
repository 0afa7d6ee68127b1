"""The callbacks of a task: how it reports progress and messages without knowing who shows them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

TABLE_ROWS = 10_000
"""For `told`: so many rows of a table are read in some 0.2 s."""
Item = TypeVar("Item")


class Progress(Protocol):
    """A callback that a task calls from one thread, as often as it likes: calls are cheap, and the display skips some.

    `done` counts finished steps (pictures, iterations) of `total`. `total` is None while it is unknown, and may grow.
    `skipped` counts steps of `total` that needed no work; `done` does not include them. `note` is a short plain text,
    such as the losses or, before the first step and after the last, what the task is doing or waiting for.
    """

    def __call__(self, done: int, total: int | None, note: str = "", skipped: int = 0) -> None: ...


def silent(done: int, total: int | None, note: str = "", skipped: int = 0) -> None:
    """Ignore all progress. This is the default of every task."""


Say = Callable[[str], None]
"""A callback that gets a message for the user: plain text, without a line break."""


def unheard(text: str) -> None:
    """Ignore all messages. This is the default of every task."""


def told(items: Iterable[Item], tell: Say, doing: str, total: int | None = None, every: int = 1) -> Iterator[Item]:
    """The items. Before the first, and then before every so many, `tell` hears what the task is `doing` with how many
    of them (of `total`, if that is known) so far. What `tell` raises ends the iteration."""
    end = " so far" if total is None else f" of {total:,}"
    for number, item in enumerate(items):
        if number % every == 0:
            tell(f"{doing}: {number:,}{end}")
        yield item
