"""CelebA: its pictures with the chosen attributes, split into training, validation and test."""

from __future__ import annotations

import os
import random
import unicodedata
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from stargan_cli.datasets.celeba_files import CelebaFiles, find_celeba
from stargan_cli.datasets.celeba_tables import read_attributes, read_partition
from stargan_cli.datasets.labelled import PARTS, DataSet, Labelled, Part
from stargan_cli.errors import DataError, UsageError
from stargan_cli.files.passed_over import PassedOver, is_passed_over
from stargan_cli.labels import LabelSet, with_hair_colours
from stargan_cli.labels.layout import several_shown
from stargan_cli.pictures.listing import has_picture_suffix, is_picture

REFERENCE_TEST_SIZE = 1999
TERMS = "CelebA: non-commercial research only, for weights trained on it too"


def load_celeba(
    root: Path,
    attributes: tuple[str, ...],
    groups: tuple[tuple[str, ...], ...] = (),
    split: str = "official",
) -> DataSet:
    """CelebA's pictures with the chosen attributes.

    `split="official"` follows list_eval_partition.txt; `split="reference"` shuffles the table's rows with seed 1234
    and keeps the first 1,999 for test, as the reference implementation does, but at most a tenth (validation is then
    the test part). Raises DataError and UsageError.
    """
    found = find_celeba(root)
    rows = read_attributes(found.attributes, attributes)
    try:
        label_set = LabelSet("celeba", attributes, with_hair_colours(attributes, groups))
    except ValueError as error:
        raise UsageError(str(error), "check --attrs and --group") from error
    passed_over = PassedOver()
    files, notes = _matched(rows, found, passed_over)
    labels = torch.from_numpy(np.array([rows[row] for row in files], dtype=np.uint8))
    notes = [*found.notes, *notes, *_several_shown(label_set, labels), *passed_over.notes]
    whole = Labelled(label_set, found.pictures, tuple(files.values()), labels, tuple(notes))
    if split == "reference":
        return _split_reference(whole, list(files), rows)
    return _split_official(whole, list(files), found)


def _matched(rows: Collection[str], found: CelebaFiles, passed_over: PassedOver) -> tuple[dict[str, str], list[str]]:
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


def _several_shown(label_set: LabelSet, labels: Tensor) -> list[str]:
    """Notes about pictures that show several attributes of an exclusive group."""
    several = {
        group: int((labels[:, [label_set.attributes.index(name) for name in group]].sum(1) > 1).sum())
        for group in label_set.groups
    }
    return [several_shown(group, count) for group, count in several.items() if count]


def _split_official(whole: Labelled, names: list[str], found: CelebaFiles) -> DataSet:
    """`names` are the names of the pictures of `whole` in the tables."""
    path = found.partition
    if path is None:
        missing = found.attributes.parent / "list_eval_partition.txt"
        raise DataError(f"{missing} is missing", "fetch it, or use --split reference")
    listed = read_partition(path)
    parts: dict[Part, list[int]] = {part: [] for part in PARTS}
    for i, name in enumerate(names):
        if name in listed:
            parts[listed[name]].append(i)
    if not parts["train"]:
        raise DataError(f"{path} names no picture for training")
    whole = replace(whole, parted=f"as {path.name} says")
    if unnamed := len(whole) - sum(map(len, parts.values())):
        whole = replace(whole, notes=(*whole.notes, f"pictures without a row in {path.name}: {unnamed:,}, left out"))
    return {part: whole.select(indices) for part, indices in parts.items()}


def _split_reference(whole: Labelled, names: list[str], rows: Collection[str]) -> DataSet:
    """`names` are the names of the pictures of `whole` in the table. All `rows` of the table are shuffled, so that a
    picture is in the same part if others are missing."""
    order = list(rows)
    random.Random(1234).shuffle(order)
    held_out = min(REFERENCE_TEST_SIZE, len(order) // 10)
    first = "" if held_out == REFERENCE_TEST_SIZE else "the first of "
    which = f"{first}those that StarGAN's published code holds out"
    whole = replace(whole, parted=f"{held_out:,} rows drawn at random are held out: {which}")
    index = {name: i for i, name in enumerate(names)}
    test, train = (
        whole.select([index[name] for name in part if name in index]) for part in (order[:held_out], order[held_out:])
    )
    return {"train": train, "validation": test, "test": test}
