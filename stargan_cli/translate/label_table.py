"""Files of source labels (`--labels`): a table, or JSON lines."""

from __future__ import annotations

import csv
import os
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path, PurePath
from typing import Any

from stargan_cli.datasets.table_rows import name_column, table_of
from stargan_cli.datasets.table_text import open_table
from stargan_cli.errors import DataError, UsageError, reason_of
from stargan_cli.files.json_text import parsed_json
from stargan_cli.labels.values import DECIMAL_COMMA, label_value
from stargan_cli.progress import TABLE_ROWS, Say, told, unheard

MOST_SHARED = 100_000

_HINT = (
    "it should be CSV with a header line, CelebA's list_attr_celeba.txt, or JSON lines, "
    "with a column called path or name"
)
_JSON_HINT = "JSON lines have an object in each line, as pandas writes with orient='records', lines=True"


class LabelTable:
    """Source labels by picture. `columns` are the labels that were kept. A value says how far a label is on (0..1).

    `reading` says how the file was read. Memory: some 200 bytes a row, as rows with equal labels share one tuple, and
    as much again for each row that a picture was found for, or whose absolute path goes through a symlinked folder.
    """

    def __init__(self, path: Path, columns: tuple[str, ...]) -> None:
        self.path = path
        self.columns = columns
        self.reading = ""
        self._rows: dict[str, tuple[float | None, ...]] = {}
        self._shared: dict[tuple[float | None, ...], tuple[float | None, ...]] = {}
        self._owners: dict[str, int] = {}  # name of a row -> hash of the first picture that it was found for
        self._linked: dict[str, str] = {}  # real path -> name of a row, where these differ
        self._real_folders: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, name: str, values: Sequence[float | None], line: int) -> None:
        """Add a picture's labels. Raises DataError if it already has other labels."""
        own = tuple(values)
        while own and own[-1] is None:  # a JSON row that was read before a later column appeared equals one read after
            own = own[:-1]
        own = self._shared.setdefault(own, own) if len(self._shared) < MOST_SHARED else own
        key = _key(name)
        self._rows.setdefault(key, own)
        real = _key(self._real(name)) if os.path.isabs(name) else key
        if real != key:
            self._linked.setdefault(real, key)
        for other in (key, real, self._linked.get(real, key)):
            if self._rows.get(other, own) != own:
                alias = f" (also as {other})" if other != key else ""
                raise DataError(f"{self.path}, line {line}: {name} is named twice{alias}, with different labels")

    def find(self, picture: PurePath) -> dict[str, float] | None:
        """The labels of a picture; None if no row names it.

        A row belongs to a picture if the row's name is the end of the picture's path (of a local file: of its absolute
        path, as it was given or with the symlinks of its folders followed), with or without the suffix; or if both are
        absolute and lead to one file of one folder. Of several such rows the one with the longest name is taken, so
        that `a/1.jpg` and `b/1.jpg` are two pictures.
        """
        parts, row = self._row_of(picture)
        if row is None:
            return None
        self._owners.setdefault(row, hash(parts))
        values = self._rows[row]  # may be shorter than `columns`: see `add`
        return {name: value for name, value in zip(self.columns, values, strict=False) if value is not None}

    def is_of_another(self, picture: PurePath) -> bool:
        """Whether a picture's row was found for another picture before."""
        parts, row = self._row_of(picture)
        return row is not None and self._owners.get(row, hash(parts)) != hash(parts)

    def several_on(self, columns: Mapping[str, bool]) -> int:
        """How many rows have several of these columns on, above 1/2; of a column that maps to False, below 1/2."""
        places = [(self.columns.index(column), on) for column, on in columns.items()]

        def shown(values: tuple[float | None, ...]) -> int:
            found = [(values[place], on) for place, on in places if place < len(values)]
            return sum(value is not None and (value if on else 1 - value) > 0.5 for value, on in found)

        return sum(rows for values, rows in Counter(self._rows.values()).items() if shown(values) > 1)

    def _row_of(self, picture: PurePath) -> tuple[tuple[str, ...], str | None]:
        """The parts of a picture's path, and the name of its row."""
        places = [picture]
        if isinstance(picture, Path):
            given = os.path.abspath(picture)
            places = [Path(place) for place in dict.fromkeys((given, self._real(given)))]
        paths = [tuple(unicodedata.normalize("NFC", part) for part in place.parts) for place in places]
        found = [row for parts in paths if (row := self._longest(parts, picture.suffix)) is not None]
        return paths[0], max(found, key=len, default=None)

    def _longest(self, parts: tuple[str, ...], suffix: str) -> str | None:
        for start in range(len(parts)):
            name = "/".join(parts[start:]).lstrip("/")
            for called in (name, name.removesuffix(suffix)):
                row = called if called in self._rows else self._linked.get(called)
                if row is not None:
                    return row
        return None

    def _real(self, path: str) -> str:
        """An absolute path with the symlinks of its folders followed."""
        folder, name = os.path.split(path)
        if folder not in self._real_folders:
            self._real_folders[folder] = os.path.realpath(folder)
        return os.path.join(self._real_folders[folder], name)


def read_labels(path: Path, wanted: Callable[[str], bool], tell: Say = unheard) -> LabelTable:
    """Read a file of labels and keep the columns whose name is `wanted`. `tell` is called meanwhile.

    `table_rows` describes the layouts of tables, `label_value` the values. Raises DataError if the file has another
    layout, UsageError if it cannot be opened or has no wanted column.
    """
    try:
        with open_table(path) as (text, encoding):
            first = next(text, "")
            read = _read_json if first.lstrip()[:1] in ("{", "[") else _read_table
            rows = told(chain([first], text), tell, f"reading {path.name}", every=TABLE_ROWS)
            return read(path, rows, encoding, wanted)
    except OSError as error:
        hint = "give the file of the table" if os.path.exists(path) and not os.path.isfile(path) else None
        raise UsageError(f"cannot read the labels {path}: {reason_of(error)}", hint) from error
    except csv.Error as error:
        reason = f"{error}; is a quote left open?" if "field limit" in str(error) else str(error)
        raise DataError(f"{path} holds no labels that can be read: {reason}", _HINT) from error
    except ValueError as error:
        raise DataError(f"{path} holds no labels that can be read: {error}", _HINT) from error


def _read_table(path: Path, text: Iterator[str], encoding: str, wanted: Callable[[str], bool]) -> LabelTable:
    found = table_of(path, text)
    kept = [number for number, column in enumerate(found.columns) if wanted(column)]
    table = LabelTable(path, tuple(found.columns[number] for number in kept))
    commas = False
    for line, name, values in found.rows:
        commas = commas or any(DECIMAL_COMMA.fullmatch(values[number].strip()) for number in kept)
        table.add(name, [_value(path, line, found.columns[number], values[number]) for number in kept], line)
    table.reading = f"{found.layout}, {encoding}"
    table.reading += ", decimal commas" * commas
    return _checked(table, found.columns)


def _read_json(path: Path, text: Iterator[str], encoding: str, wanted: Callable[[str], bool]) -> LabelTable:
    table = LabelTable(path, ())
    table.reading = f"JSON lines, {encoding}"
    seen: dict[str, None] = {}
    for line, name, values in _json_rows(path, text):
        new = [column for column in values if column not in seen]  # a row may lack what others have
        seen.update(dict.fromkeys(new))
        table.columns += tuple(column for column in new if wanted(column))
        table.add(name, [_value(path, line, column, values.get(column)) for column in table.columns], line)
    return _checked(table, list(seen))


def _checked(table: LabelTable, columns: Sequence[str]) -> LabelTable:
    named = ", ".join(map(repr, columns[:50])) or "none"
    if not table:
        raise DataError(f"{table.path} has no rows", _HINT)
    if not table.columns:
        raise UsageError(f"{table.path} has no column that these weights know", f"its columns: {named}")
    if twice := [column for column in table.columns if table.columns.count(column) > 1]:
        raise UsageError(f"{table.path} has two columns called {twice[0]}", "rename one, or leave it out")
    return table


def _json_rows(path: Path, text: Iterator[str]) -> Iterator[tuple[int, str, dict[str, Any]]]:
    column: str | None = None
    for line, row in enumerate(text, start=1):
        if not row.strip():
            continue
        if row.lstrip().startswith("["):
            raise DataError(f"{path}, line {line}: not a JSON object but a list", _JSON_HINT)
        try:
            values = parsed_json(row)
        except ValueError as error:
            raise DataError(f"{path}, line {line}: not a JSON object: {error}", _JSON_HINT) from error
        if not isinstance(values, dict):
            raise DataError(f"{path}, line {line}: not a JSON object", _JSON_HINT)
        labels = values.pop("source_label", values)  # a row of a manifest has them apart
        if labels is None:  # the picture failed
            continue
        if column not in values:
            column = _name_key(path, line, values)
        name = values.pop(column)
        if not isinstance(name, str) or not name:
            raise DataError(f"{path}, line {line}: no picture's path or name", _HINT)
        yield line, name, labels if isinstance(labels, dict) else values


def _name_key(path: Path, line: int, values: dict[str, Any]) -> str:
    keys = list(values)
    place = name_column(keys, [[value if isinstance(value, str) else "" for value in values.values()]])
    if values and all(isinstance(value, dict) for value in values.values()):
        raise DataError(f"{path}, line {line}: JSON columns, not rows with a picture's path or name", _JSON_HINT)
    if place is None:
        raise DataError(f"{path}, line {line}: no picture's path or name", _HINT)
    return keys[place]


def _value(path: Path, line: int, column: str, value: Any) -> float | None:
    try:
        return label_value(str(value) if value is not None else "")
    except ValueError as error:
        raise DataError(f"{path}, line {line}: {column} is {str(value)[:60]!r}; {error}") from error


def _key(name: str) -> str:
    """A name as it is compared: accents composed (macOS decomposes them), and slashes (Windows writes backslashes)."""
    name = unicodedata.normalize("NFC", name)
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
    while parts[:1] == [".."]:
        del parts[0]
    return "/".join(parts)
