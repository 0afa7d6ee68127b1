"""CelebA's tables: which pictures show the chosen attributes, and each picture's part and person."""

from __future__ import annotations

import csv
import difflib
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path

from stargan_cli.datasets.labelled import PARTS, Part
from stargan_cli.datasets.part_folders import part_of
from stargan_cli.datasets.table_rows import Table, table_of
from stargan_cli.datasets.table_text import open_table
from stargan_cli.errors import DataError, UsageError
from stargan_cli.labels.values import label_value
from stargan_cli.pictures.listing import has_picture_suffix

_NUMBERED = dict(zip("012", PARTS, strict=True))
_PART_COLUMNS, _PERSON_COLUMNS = ("partition", "split"), ("identity", "person")
_HEADER_LINES = 2  # a count and names, which some programs add
_value = lru_cache(label_value)


def read_attributes(path: Path, chosen: Sequence[str]) -> dict[str, tuple[bool, ...]]:
    """A picture's name -> whether it shows each of the chosen attributes. Other columns are not read.

    Raises UsageError for an attribute that the table does not have, and DataError.
    """
    rows: dict[str, tuple[bool, ...]] = {}
    with _table(path) as table:
        columns = [(name, _column(path, table.columns, name)) for name in chosen]
        for number, place, values in table.rows:
            labels = tuple(_label(path, number, name, values[column]) for name, column in columns)
            file = _own_name(place)
            if rows.setdefault(file, labels) != labels:
                raise DataError(f"{path}, line {number}: {file} is named twice, with different labels")
    if not rows:
        raise DataError(f"{path} has no rows", "it should hold a line of names and one line per picture")
    return rows


def _column(path: Path, names: Sequence[str], attribute: str) -> int:
    if attribute not in names:
        close = difflib.get_close_matches(attribute, names, n=1)
        raise UsageError(
            f"CelebA has no attribute {attribute}" + (f"; did you mean {close[0]}?" if close else ""),
            f"it has: {', '.join(filter(str.strip, names))}",
        )
    if names.count(attribute) > 1:
        raise DataError(f"{path} has two columns called {attribute}", "rename one, or leave it out")
    return names.index(attribute)


def _label(path: Path, line: int, attribute: str, text: str) -> bool:
    with suppress(ValueError):
        if (value := _value(text)) in (0, 1):
            return value == 1
    raise DataError(
        f"{path}, line {line}: {attribute} is {text.strip()[:60]!r}; 1 or -1 is expected",
        "correct it, remove the line, or choose other --attrs",
    )


def _own_name(place: str) -> str:
    """The name of a picture that a row gives with a folder."""
    return re.split(r"[/\\]", place)[-1]


def read_partition(path: Path) -> dict[str, Part]:
    """A picture's name -> the part that it is in. Raises DataError."""
    parts: dict[str, Part] = {}
    for number, place, word in _pairs(path, _PART_COLUMNS, lambda word: _part(word) is not None):
        file, part = _own_name(place), _part(word)
        if part is None:
            raise DataError(
                f"{path}, line {number}: the part of {file} is {word[:60]!r}; 0, 1 or 2 is expected",
                "0 is for training, 1 for validation, 2 for test: 000001.jpg 0",
            )
        if parts.setdefault(file, part) != part:
            raise DataError(f"{path}, line {number}: {file} is named twice, in different parts")
    return parts


def read_people(path: Path) -> dict[str, str]:
    """A picture's name -> the person on it, as the table calls it. Raises DataError."""
    pairs = _pairs(path, _PERSON_COLUMNS, str.isdigit)
    return {_own_name(place): person for _, place, person in pairs if person}


def _part(word: str) -> Part | None:
    return _NUMBERED.get(word.removesuffix(".0")) or part_of(word)


def _pairs(path: Path, columns: Sequence[str], is_value: Callable[[str], bool]) -> Iterator[tuple[int, str, str]]:
    """Line number, file name and value of the rows of a table with one value a picture. `columns`: what the value's
    column may be called. `is_value`: whether a word may be a value, not its column's name."""
    return _rows_of_csv(path, columns) if path.suffix == ".csv" else _lines(path, is_value)


def _rows_of_csv(path: Path, words: Sequence[str]) -> Iterator[tuple[int, str, str]]:
    """The rows of a table as on Kaggle, which has a header."""
    with _table(path) as table:
        named = [number for number, name in enumerate(table.columns) if name.strip()]
        called = [number for number in named if table.columns[number].strip().casefold() in words]
        found = called or named
        if len(found) != 1:
            columns = ", ".join(map(repr, table.columns))
            raise DataError(f"{path}: one column should be called {' or '.join(words)}", f"its columns: {columns}")
        for number, file, values in table.rows:
            yield number, file, values[found[0]].strip()


def _lines(path: Path, is_value: Callable[[str], bool]) -> Iterator[tuple[int, str, str]]:
    """The lines of CelebA's own list, which has no header."""
    with _text(path) as lines:
        for number, line in enumerate(lines, start=1):
            found = re.fullmatch(r'"?(.*?)"?[\s,;]+"?([^\s,;"]+)"?', line.strip())
            file, word = found.groups() if found else (line.strip(), "")
            is_header = number <= _HEADER_LINES and not has_picture_suffix(file) and not is_value(word)
            if file and not is_header:
                yield number, file, word


@contextmanager
def _table(path: Path) -> Iterator[Table]:
    with _text(path) as lines:
        try:
            yield table_of(path, lines)
        except csv.Error as error:
            raise DataError(f"cannot read {path}: {error}") from error


@contextmanager
def _text(path: Path) -> Iterator[Iterator[str]]:
    try:
        with open_table(path) as (lines, _):
            yield lines
    except ValueError as error:
        raise DataError(f"cannot read {path}: {error}") from error
