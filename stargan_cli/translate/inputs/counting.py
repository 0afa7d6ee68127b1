"""Count the pictures in the one walk that finds them. The walk runs ahead of the work."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator

from stargan_cli.files.read_ahead import read_ahead
from stargan_cli.translate.inputs.found import Found

MOST_AHEAD = 50_000
"""The most items that may be found and wait to be translated: some 30 MB."""


class Counting:
    """Passes found items on and counts them.

    `total` is the number of pictures. It is known once the walk ends, at most MOST_AHEAD pictures ahead of the work. It
    stays None if there is an archive: members are not counted before they are read.
    """

    def __init__(self) -> None:
        self.number = 0
        self.total: int | None = None

    @property
    def note(self) -> str:
        """A text for the progress line while the walk runs, else empty."""
        return "" if self.total is not None or not self.number else f"finding pictures: {self.number:,} so far"

    def ahead(self, items: Iterable[Found], stop: Callable[[], bool] = lambda: False) -> Generator[Found, None, None]:
        """The items, found by a separate thread, until `stop`. Closing the generator ends the thread."""
        return read_ahead(self.counted(items), most=MOST_AHEAD, stop=stop)

    def counted(self, items: Iterable[Found]) -> Iterator[Found]:
        """The items, which are counted."""
        whole = True
        for found in items:
            self.number += 1
            whole = whole and found.role == "picture"
            yield found
        self.total, self.number = (self.number, self.number) if whole else (None, 0)
