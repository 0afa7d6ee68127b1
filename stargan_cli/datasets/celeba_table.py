"""CelebA's table of labels: a count, a line of names, then a file name and a value for every name in each line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from stargan_cli.errors import DataError

SPLITS = ("official", "reference")
"""How its pictures are parted: as its own list says, or as the reference implementation parts them."""
DEFAULT_ATTRIBUTES = ("Black_Hair", "Blond_Hair", "Brown_Hair", "Male", "Young")
Row = tuple[int, str, list[str]]
"""Line number, file name, values as they stand there."""


def names_and_rows(path: Path, text: Iterator[str]) -> tuple[list[str], Iterator[Row]]:
    """The names, and the rows as they are read. Raises DataError where a row has too many values or too few."""
    next(text, None)
    names = next(text, "").split()
    return names, _rows(path, text, len(names))


def _rows(path: Path, text: Iterator[str], count: int) -> Iterator[Row]:
    for number, line in enumerate(text, start=3):
        fields = line.split()
        if fields:
            if len(fields) != count + 1:
                raise DataError(f"{path}, line {number}: expected a file name and {count} values")
            yield number, fields[0], fields[1:]
