"""CelebA: its pictures with the chosen attributes, split into training, validation and test."""

from __future__ import annotations

import csv
import difflib
import os
import random
import re
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from stargan_cli.datasets.celeba_files import CelebaFiles, find_celeba
from stargan_cli.datasets.labelled import PARTS, DataSet, Labelled
from stargan_cli.datasets.table_rows import Table, table_of
from stargan_cli.datasets.table_text import open_table
from stargan_cli.errors import DataError, UsageError
from stargan_cli.files.passed_over import PassedOver, is_passed_over
from stargan_cli.labels import HAIR_COLOURS, LabelSet
from stargan_cli.pictures.listing import has_picture_suffix, is_picture

REFERENCE_TEST_SIZE = 1999
_LABELS = dict.fromkeys(("1", "+1", "1.0", "true"), 1) | dict.fromkeys(("-1", "0", "-1.0", "0.0", "false"), -1)
_PARTS = {"0": "0", "1": "1", "2": "2", "train": "0", "val": "1", "valid": "1", "validation": "1", "test": "2"}
_HEADER_LINES = 2  # a count and names, which some programs add
TERMS = "CelebA: non-commercial research only, for weights trained on it too"


def load_celeba(
    root: Path,
    attributes: tuple[str, ...],
    groups: tuple[tuple[str, ...], ...] = (),
    split: str = "official",
) -> DataSet:
    """CelebA's pictures with the chosen attributes.

    `split="official"` follows list_eval_partition.txt; `split="reference"` shuffles with seed 1234 and keeps 1,999
    pictures for test, as the reference implementation does (validation is then the test part).
    """
    found = find_celeba(root)
    names, rows = _read_attributes(found.attributes)
    label_set, columns = _choose(names, attributes, groups)
    passed_over = PassedOver()
    files, notes = _matched(rows, found, passed_over)
    table = torch.from_numpy(np.array([rows[row] for row in files], dtype=np.int8) == 1).to(torch.uint8)
    notes += passed_over.notes
    whole = Labelled(label_set, found.pictures, tuple(files.values()), table[:, columns], tuple(notes))
    return _split_reference(whole) if split == "reference" else _split_official(whole, list(files), found)


def _matched(
    rows: Mapping[str, list[int]], found: CelebaFiles, passed_over: PassedOver
) -> tuple[dict[str, str], list[str]]:
    """Name in a row -> name of its picture, for rows that have one; and notes for the user about the others.

    A picture whose name differs in its suffix alone matches too: copies in PNG keep the numbers. Names are compared in
    NFC, since macOS decomposes letters with accents. Raises DataError if no row has a picture.
    """
    entries = sorted(entry.name for entry in os.scandir(found.pictures))
    for name in entries:
        if is_passed_over(name) and has_picture_suffix(name):
            passed_over.add(Path(found.pictures.name, name))
    present = {unicodedata.normalize("NFC", name): name for name in entries if not is_passed_over(name)}
    by_stem: dict[str, list[str]] = {}
    for name in filter(is_picture, present.values()):
        by_stem.setdefault(os.path.splitext(name)[0], []).append(name)
    files, renamed = {}, ""
    for row in rows:
        others = by_stem.get(os.path.splitext(row)[0], [])
        file = present.get(unicodedata.normalize("NFC", row), others[0] if len(others) == 1 else None)
        if file is not None:
            files[row] = file
            renamed = renamed or ("" if os.path.splitext(file)[1] == os.path.splitext(row)[1] else file)
    table, folder = found.attributes.name, f"{found.pictures.name}/"
    if not files:
        example = f"{next(iter(rows))}, and the folder has {next(iter(present.values()), 'no files')}"
        raise DataError(f"no picture named in {table} is in {found.pictures}: the table names {example}")
    notes = [f"pictures such as {renamed} match rows of {table} whose names have another suffix"] if renamed else []
    if len(rows) > len(files):
        notes.append(f"rows of {table} without a picture: {len(rows) - len(files):,}, left out")
    if unnamed := len(present) - len(set(files.values())):
        notes.append(f"files in {folder} without a row: {unnamed:,}, left out")
    return files, notes


def _choose(
    names: list[str], attributes: tuple[str, ...], groups: tuple[tuple[str, ...], ...]
) -> tuple[LabelSet, list[int]]:
    """The chosen attributes and their column numbers. Hair colours form a group, unless `groups` has one of them."""
    columns = [_column(names, attribute) for attribute in attributes]
    hair = tuple(name for name in attributes if name in HAIR_COLOURS)
    if len(hair) > 1 and not any(name in group for group in groups for name in hair):
        groups = (hair, *groups)
    try:
        return LabelSet("celeba", attributes, groups), columns
    except ValueError as error:
        raise UsageError(str(error), "check --attrs and --group") from error


def _column(names: list[str], attribute: str) -> int:
    if attribute not in names:
        close = difflib.get_close_matches(attribute, names, n=1)
        raise UsageError(
            f"CelebA has no attribute {attribute}" + (f"; did you mean {close[0]}?" if close else ""),
            f"it has: {', '.join(names)}",
        )
    return names.index(attribute)


def _read_attributes(path: Path) -> tuple[list[str], dict[str, list[int]]]:
    """The attributes' names, and for each picture 1 or -1 for each attribute. A column without a name, such as the
    index of pandas, is left out."""
    rows: dict[str, list[int]] = {}
    with _table(path) as table:
        kept = [number for number, name in enumerate(table.columns) if name.strip()]
        for number, place, values in table.rows:
            try:
                labels = [_LABELS[values[column].strip().lower()] for column in kept]
            except KeyError as error:
                expected = f"expected 1 or -1 for each of {len(kept)} attributes"
                raise DataError(f"{path}, line {number}: {expected}, not {error.args[0]!r}") from error
            file = _own_name(place)
            if rows.setdefault(file, labels) != labels:
                raise DataError(f"{path}, line {number}: {file} is named twice, with different labels")
        if not rows:
            raise DataError(f"{path} has no rows", "it should hold a line of names and one line per picture")
        return [table.columns[column] for column in kept], rows


def _own_name(place: str) -> str:
    """The name of a picture that a row gives with a folder."""
    return re.split(r"[/\\]", place)[-1]


def _split_official(whole: Labelled, names: list[str], found: CelebaFiles) -> DataSet:
    """`names` are the names of the pictures of `whole` in the tables."""
    path = found.partition
    if path is None:
        missing = found.attributes.parent / "list_eval_partition.txt"
        raise DataError(f"{missing} is missing", "fetch it, or use --split reference")
    part_of = _read_partition(path)
    parts: dict[str, list[int]] = {"0": [], "1": [], "2": []}
    for i, name in enumerate(names):
        if name in part_of:
            parts[part_of[name]].append(i)
    if not parts["0"]:
        raise DataError(f"{path} names no picture for training")
    whole = replace(whole, parted=f"as {path.name} says")
    if unnamed := len(whole) - sum(map(len, parts.values())):
        whole = replace(whole, notes=(*whole.notes, f"pictures without a row in {path.name}: {unnamed:,}, left out"))
    return dict(zip(PARTS, (whole.select(indices) for indices in parts.values()), strict=True))


def _read_partition(path: Path) -> dict[str, str]:
    part_of: dict[str, str] = {}
    for number, file, part in _parts(path):
        if part not in _PARTS:
            raise DataError(
                f"{path}, line {number}: expected a file name and 0, 1 or 2",
                "0 is for training, 1 for validation, 2 for test: 000001.jpg 0",
            )
        part = _PARTS[part]
        if part_of.setdefault(file, part) != part:
            raise DataError(f"{path}, line {number}: {file} is named twice, in different parts")
    return part_of


def _parts(path: Path) -> Iterator[tuple[int, str, str]]:
    """Line number, file name and part: of Kaggle's table with a header, or of the lines of CelebA's own."""
    if path.suffix == ".csv":
        with _table(path) as table:
            named = [number for number, name in enumerate(table.columns) if name.strip()]
            for number, file, values in table.rows:
                yield number, _own_name(file), values[named[0]].strip().lower() if len(named) == 1 else ""
        return
    with _text(path) as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip() and (number > _HEADER_LINES or has_picture_suffix(_fields(line)[0])):
                file, part = _fields(line)
                yield number, _own_name(file), part


def _fields(line: str) -> tuple[str, str]:
    found = re.fullmatch(r"(.*?)[\s,;]+(\w+)", line.strip())
    return (found[1], found[2].lower()) if found else (line.strip(), "")


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


def _split_reference(whole: Labelled) -> DataSet:
    order = list(range(len(whole)))
    random.Random(1234).shuffle(order)
    held_out = min(REFERENCE_TEST_SIZE, len(order) // 10)
    whole = replace(whole, parted=f"{held_out:,} pictures drawn at random are held out, as in StarGAN's published code")
    test = whole.select(order[:held_out])
    return {"train": whole.select(order[held_out:]), "validation": test, "test": test}
