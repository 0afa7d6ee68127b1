"""How many pictures there are, known from the one walk that finds them: it runs ahead of the work."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator

from stargan_cli.translate.inputs.found import Found
from stargan_cli.translate.inputs.read_ahead import read_ahead

MOST_AHEAD = 50_000
"""What was found and waits for its turn, at most: some 30 MB."""


class Counting:
    """Passes on what is found and counts it.

    `total` is the number of pictures once all are found, which in a larger tree is MOST_AHEAD pictures before the end.
    It stays None where there are archives, whose members are not counted before they are read.
    """

    def __init__(self) -> None:
        self.number = 0
        self.total: int | None = None

    @property
    def note(self) -> str:
        """A word for the progress while the walk goes on."""
        return "" if self.total is not None or not self.number else f"finding pictures: {self.number:,} so far"

    def ahead(self, items: Iterable[Found]) -> Generator[Found, None, None]:
        """The items, found by a thread of its own. Closing it ends the thread."""
        return read_ahead(self._counted(items), lambda found: 1, MOST_AHEAD, MOST_AHEAD)

    def _counted(self, items: Iterable[Found]) -> Iterator[Found]:
        whole = True
        for found in items:
            self.number += 1
            whole = whole and found.role == "picture"
            yield found
        self.total, self.number = (self.number, self.number) if whole else (None, 0)
