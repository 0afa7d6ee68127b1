"""Files of source labels (`--labels`): CelebA's own layout, CSV with a header, or JSON lines."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePath
from typing import Any

from stargan_cli.datasets.celeba_table import names_and_rows
from stargan_cli.errors import DataError, UsageError
from stargan_cli.files.bounded_lines import lines

NAME_COLUMNS = ("path", "name", "source", "file", "filename", "image", "image_id")
"""What the column with the picture's path or name may be called; CelebA's tables as CSV say image_id."""

_WORDS = {"true": 1.0, "yes": 1.0, "on": 1.0, "false": 0.0, "no": 0.0, "off": 0.0}
_HINT = (
    "it should be laid out as CelebA's list_attr_celeba.txt, or be CSV with a header line or JSON lines, "
    "with a column called path or name"
)


class LabelTable:
    """Source labels by picture: `columns` are the names that were kept, the values how far on each is, in [0, 1]."""

    def __init__(self, path: Path, columns: tuple[str, ...]) -> None:
        self.path = path
        self.columns = columns
        self._rows: dict[str, tuple[float | None, ...]] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, name: str, values: tuple[float | None, ...], line: int) -> None:
        """Raises DataError where the picture has other labels already."""
        if self._rows.setdefault(_key(name), values) != values:
            raise DataError(f"{self.path}, line {line}: {name} stands there twice, with different labels")

    def find(self, picture: PurePath) -> dict[str, float]:
        """The labels of a picture; empty where it is not named.

        A row belongs to a picture when its name is the end of the picture's path; of several such rows the longest
        name counts, so that `a/1.jpg` and `b/1.jpg` are told apart.
        """
        parts = picture.parts
        for start in range(len(parts)):
            values = self._rows.get("/".join(parts[start:]).lstrip("/"))
            if values is not None:
                return {name: value for name, value in zip(self.columns, values, strict=True) if value is not None}
        return {}


def read_labels(path: Path, wanted: Callable[[str], bool]) -> LabelTable:
    """Read a file of labels and keep the columns whose name is `wanted`.

    Values: 1 and 0 (or -1), true and false, or a number between 0 and 1; an empty field says nothing.
    Raises DataError where the file has another layout, UsageError where none of its columns is wanted.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = next(lines(file), "")
            file.seek(0)
            text = lines(file)
            rows = _json_rows(path, text) if first.lstrip().startswith("{") else _table_rows(path, first, text)
            return _collect(path, rows, wanted)
    except OSError as error:
        raise UsageError(f"cannot read the labels {path}: {error.strerror or error}") from error
    except (ValueError, csv.Error) as error:
        raise DataError(f"{path} holds no labels that can be read: {error}", _HINT) from error


def _collect(path: Path, rows: Iterator[tuple[int, str, dict[str, Any]]], wanted: Callable[[str], bool]) -> LabelTable:
    table: LabelTable | None = None
    seen: dict[str, None] = {}
    for line, name, values in rows:
        if table is None:
            seen = dict.fromkeys(values)
            table = LabelTable(path, tuple(column for column in values if wanted(column)))
        table.add(name, tuple(_value(path, line, column, values.get(column)) for column in table.columns), line)
    if table is None:
        raise DataError(f"{path} has no rows", _HINT)
    if not table.columns:
        raise UsageError(
            f"{path} has no column that these weights know", f"its columns: {', '.join(list(seen)[:50]) or 'none'}"
        )
    return table


def _json_rows(path: Path, file: Iterable[str]) -> Iterator[tuple[int, str, dict[str, Any]]]:
    for line, text in enumerate(file, start=1):
        if not text.strip():
            continue
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path}, line {line}: not a JSON object: {error}") from error
        if not isinstance(values, dict):
            raise DataError(f"{path}, line {line}: not a JSON object")
        labels = values.pop("source_label", None)  # a row of a manifest
        name = _take_name(path, line, values)
        yield line, name, labels if isinstance(labels, dict) else values


def _table_rows(path: Path, first: str, file: Iterable[str]) -> Iterator[tuple[int, str, dict[str, Any]]]:
    return _celeba_rows(path, iter(file)) if first.strip().isdigit() else _csv_rows(path, file)


def _celeba_rows(path: Path, text: Iterator[str]) -> Iterator[tuple[int, str, dict[str, Any]]]:
    columns, rows = names_and_rows(path, text)
    for line, name, values in rows:
        yield line, name, dict(zip(columns, values, strict=True))


def _csv_rows(path: Path, file: Iterable[str]) -> Iterator[tuple[int, str, dict[str, Any]]]:
    reader = csv.DictReader(file, restkey="", skipinitialspace=True)
    for values in reader:
        if "" in values:
            raise DataError(f"{path}, line {reader.line_num}: more values than columns")
        yield reader.line_num, _take_name(path, reader.line_num, values), values


def _take_name(path: Path, line: int, values: dict[str, Any]) -> str:
    for column in [column for wanted in NAME_COLUMNS for column in values if column.strip().lower() == wanted]:
        name = values.pop(column)
        if isinstance(name, str) and name:
            return name
    raise DataError(f"{path}, line {line}: no picture's path or name", _HINT)


def _value(path: Path, line: int, column: str, value: Any) -> float | None:
    if value is None or value == "":
        return None
    text = str(value).strip().lower()
    try:
        number = _WORDS[text] if text in _WORDS else float(text)
    except ValueError:
        number = float("nan")
    if number == -1:
        return 0.0
    if not 0 <= number <= 1:
        raise DataError(f"{path}, line {line}: {column} is {value!r}; 1, 0, -1 or a number between is expected")
    return number


def _key(name: str) -> str:
    return "/".join(part for part in name.replace("\\", "/").split("/") if part not in ("", "."))
