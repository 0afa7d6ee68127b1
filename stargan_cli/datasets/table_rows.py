"""Tables of labels as programs write them: CelebA's own layout, and CSV of Excel, LibreOffice, pandas and R."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from stargan_cli.errors import DataError
from stargan_cli.pictures.listing import has_picture_suffix

NAME_COLUMNS = ("path", "filepath", "imagepath", "name", "source", "file", "filename", "image", "imageid", "imagename")
"""What the column with the picture's path or name is usually called (letters and digits alone, without case)."""

SEPARATORS = {"\t": "tabs", ";": "semicolons", ",": "commas", "|": "bars", " ": "spaces"}
_SAMPLE = 50
TableRow = tuple[int, str, list[str]]
"""Line number, picture's name, and the values as they stand there, one for each column."""


@dataclass(frozen=True)
class Table:
    """`columns` without the one that holds the pictures' names; `layout` says in words how the table is laid out."""

    columns: tuple[str, ...]
    rows: Iterator[TableRow]
    layout: str


def table_of(path: Path, lines: Iterator[str]) -> Table:
    """A table with a header line, or in CelebA's layout (a count, a line of names, a line per picture).

    The separator and the column that holds the pictures' names are inferred from the first lines. A column without a
    header, such as the index of pandas or the row names of R, is a column like any other. Rows may be short: Excel
    omits empty fields at their end. Raises DataError, and csv.Error where Python's csv module does.
    """
    sample = list(islice(lines, _SAMPLE))
    skipped = len(sample)
    while sample and (not sample[0].strip() or re.fullmatch(r'"?sep=.?"?\s*', sample[0], re.IGNORECASE)):
        del sample[0]
    skipped -= len(sample)
    text = chain(sample, lines)
    if sample and sample[0].strip().isdigit():
        return _celeba(path, text, skipped)
    separator = _separator(sample)
    header, rows = _header_and_rows(sample, separator)
    place = None if any(map(has_picture_suffix, header)) else name_column(header, rows)
    if place is None:
        raise DataError(f"{path}: {_why_no_names(header, rows)}", _WANTED)
    columns = tuple(column for number, column in enumerate(header) if number != place)
    found = _rows(path, _reader(text, separator), skipped, len(header), place)
    names = f"the column {header[place]!r}" if header[place].strip() else "the column without a name"
    return Table(columns, found, f"fields separated by {SEPARATORS[separator]}, pictures named in {names}")


def name_column(header: Sequence[str], sample: Sequence[Sequence[str]]) -> int | None:
    """The number of the column that holds pictures' names: one whose header and fields both look so, else one whose
    fields do, else one whose header does."""
    called = [number for word in NAME_COLUMNS for number, name in enumerate(header) if _plain(name) == word]
    looking = [number for number in range(len(header)) if _look_like_names(sample, number)]
    both = [number for number in called if number in looking]
    return next(iter([*both, *looking, *called]), None)


def _has_row_names(header: Sequence[str], sample: Sequence[Sequence[str]]) -> bool:
    """Whether rows begin with a name for which there is no column header, as R's write.table writes them."""
    called = [number for number, name in enumerate(header, start=1) if _plain(name) in NAME_COLUMNS]
    return any(_look_like_names(sample, number) for number in called or [0])


_WANTED = "it needs a header line, and a column called path or name with the pictures' names"


def _why_no_names(header: Sequence[str], sample: Sequence[Sequence[str]]) -> str:
    if any(map(has_picture_suffix, header)):
        return "its first line is a row; it has no header that names the columns"
    if not sample:
        return "it has no rows"
    return f"no column holds pictures' names; its columns: {', '.join(map(repr, header[:50]))}"


def _look_like_names(sample: Sequence[Sequence[str]], number: int) -> bool:
    fields = [row[number] for row in sample if len(row) > number and row[number]]
    return bool(fields) and all(has_picture_suffix(field) for field in fields)


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", name).casefold())


def _separator(sample: Sequence[str]) -> str:
    """The one that splits rows, and gives none more fields than the header; of several the one that gives some row as
    many, and then the one that gives the most fields. A blank comes last, since names and headers contain blanks."""
    best, most = ",", (False, False, False, 1)
    for separator in SEPARATORS:
        try:
            header, rows = _header_and_rows(sample, separator)
        except csv.Error:
            continue
        widest = max(map(len, rows), default=len(header))
        fits, full = 1 < widest <= len(header), widest == len(header)
        score = (fits, separator != " ", full, max(len(header), widest))
        if score[-1] > 1 and score > most:
            best, most = separator, score
    return best


def _header_and_rows(sample: Sequence[str], separator: str) -> tuple[list[str], list[list[str]]]:
    """The header, with an empty field in front if R wrote names of rows below none, and the rows: those of
    spreadsheets may lack empty fields at their end, and lose those that they have beyond the header."""
    header, *rows = [row for row in _reader(sample, separator) if any(row)] or [[]]
    rows = [_trimmed(row, len(header)) for row in rows]
    if rows and all(len(row) == len(header) + 1 for row in rows) and _has_row_names(header, rows):
        header = ["", *header]
    return header, rows


def _reader(text: Iterable[str], separator: str) -> Iterator[list[str]]:
    stripped = (line.strip() + "\n" for line in text) if separator == " " else text
    return csv.reader(stripped, delimiter=separator, skipinitialspace=True)


def _trimmed(row: list[str], width: int) -> list[str]:
    """A row without the empty fields that it has at its end beyond `width`."""
    end = len(row)
    while end > width and not row[end - 1].strip():
        end -= 1
    return row[:end]


def _rows(path: Path, reader: Iterator[list[str]], skipped: int, width: int, place: int) -> Iterator[TableRow]:
    next(reader, None)
    end = reader.line_num  # type: ignore[attr-defined]  # csv's own reader
    for row in reader:
        first, end = skipped + end + 1, reader.line_num  # type: ignore[attr-defined]
        line = skipped + end
        if not any(row):
            continue
        if _holds_rows(row, place):
            raise DataError(f"{path}, line {first}: a quote is left open", "the rows after it are read as its text")
        fields = _trimmed(row, width)
        fields += [""] * (width - len(fields))
        if len(fields) > width:
            raise DataError(f"{path}, line {line}: more values than columns: {len(row)} values, {width} columns")
        if not fields[place].strip():
            raise DataError(f"{path}, line {line}: no picture's path or name")
        yield line, fields[place].strip(), [*fields[:place], *fields[place + 1 :]]


def _holds_rows(row: Sequence[str], place: int) -> bool:
    """Whether a field with line breaks is not a text but the rows after a quote that was left open: the field with the
    picture's name, or one that names another picture."""
    below = (line for field in row if "\n" in field for line in field.split("\n")[1:])
    names_another = any(has_picture_suffix(part) for line in below for part in re.split(r'[\t;,| "]+', line))
    return names_another or any("\n" in field for field in row[place : place + 1])


def _celeba(path: Path, text: Iterator[str], skipped: int) -> Table:
    numbered = ((number, line) for number, line in enumerate(text, start=skipped + 1) if line.strip())
    next(numbered, None)
    names = next(numbered, (0, ""))[1].split()

    def rows() -> Iterator[TableRow]:
        for number, line in numbered:
            fields = line.rsplit(None, len(names))
            alone = len(fields[0].split()) == 1 or has_picture_suffix(fields[0])  # names may have spaces
            if len(fields) != len(names) + 1 or not alone:
                raise DataError(f"{path}, line {number}: expected a file name and {len(names)} values")
            yield number, fields[0].strip(), fields[1:]

    return Table(tuple(names), rows(), "CelebA's layout")
