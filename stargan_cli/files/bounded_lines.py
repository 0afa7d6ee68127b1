"""Read files line by line, with a limit on the length of a line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, AnyStr

LONGEST = 2**20


def lines(file: IO[AnyStr]) -> Iterator[AnyStr]:
    """The lines of a text or binary file. Raises ValueError for one of more than LONGEST characters or bytes."""
    number = 0
    while line := file.readline(LONGEST + 1):
        number += 1
        if len(line) > LONGEST:
            raise ValueError(f"line {number} is longer than {LONGEST:,} characters")
        yield line
