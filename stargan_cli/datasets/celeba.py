"""CelebA in torchvision's layout."""

from __future__ import annotations

import difflib
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from stargan_cli.datasets.celeba_table import names_and_rows
from stargan_cli.datasets.labelled import PARTS, DataSet, Labelled
from stargan_cli.errors import DataError, UsageError
from stargan_cli.labels import HAIR_COLOURS, LabelSet

REFERENCE_TEST_SIZE = 1999
TERMS = "CelebA: non-commercial research only, for weights trained on it too"
LANDMARKS = {"left_eye": [0.379, 0.432], "right_eye": [0.604, 0.433]}
"""Where the eyes stand in CelebA's centred squares, as fractions of the side (left and right in the picture)."""


def celeba_folder(root: Path) -> Path:
    """The folder with CelebA's files: `root` itself or, as torchvision has it, `root/celeba`. Raises DataError."""
    for folder in (root, root / "celeba"):
        if (folder / "list_attr_celeba.txt").is_file() and (folder / "img_align_celeba").is_dir():
            return folder
    raise DataError(
        f"no CelebA under {root}: img_align_celeba/ and list_attr_celeba.txt are needed there or in {root / 'celeba'}",
        "point --root at it, or fetch it with --download (torchvision's downloader, 1.4 GB), "
        "or by hand from https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html",
    )


def download_celeba(root: Path) -> None:
    """Fetch CelebA into `root/celeba` with torchvision's own downloader. Raises DataError."""
    from torchvision.datasets import CelebA  # type: ignore[import-untyped]

    try:
        CelebA(str(root), split="all", download=True)
    except Exception as error:  # torchvision raises what its many steps raise: network, quota, checksum, disk
        raise DataError(
            f"CelebA could not be downloaded: {error}",
            "its host limits downloads; try again later, or by hand from "
            "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html",
        ) from error


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
    folder = celeba_folder(root)
    names, rows = _read_attributes(folder / "list_attr_celeba.txt")
    label_set, columns = _choose(names, attributes, groups)
    present = {entry.name for entry in (folder / "img_align_celeba").iterdir()}
    files = [file for file in rows if file in present]
    if not files:
        raise DataError(f"{folder}: no picture named in list_attr_celeba.txt is in img_align_celeba/")
    table = torch.from_numpy(np.array([rows[file] for file in files], dtype=np.int8) == 1).to(torch.uint8)
    notes = []
    if len(rows) > len(files):
        notes.append(f"{len(rows) - len(files):,} rows of list_attr_celeba.txt have no picture: left out")
    if unnamed := len(present) - len(files):
        notes.append(f"{unnamed:,} files in img_align_celeba/ have no row: left out")
    whole = Labelled(label_set, folder / "img_align_celeba", tuple(files), table[:, columns], tuple(notes))
    return _split_reference(whole) if split == "reference" else _split_official(whole, folder)


def _choose(
    names: list[str], attributes: tuple[str, ...], groups: tuple[tuple[str, ...], ...]
) -> tuple[LabelSet, list[int]]:
    """The chosen attributes and the columns that they stand in. Hair colours are a group unless `groups` says more."""
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
    names, found = names_and_rows(path, iter(_lines(path)))
    rows: dict[str, list[int]] = {}
    for number, file, values in found:
        if not set(values) <= {"1", "-1"}:
            raise DataError(f"{path}, line {number}: expected 1 or -1 for each of {len(names)} attributes")
        labels = [int(value) for value in values]
        if rows.setdefault(file, labels) != labels:
            raise DataError(f"{path}, line {number}: {file} stands there twice, with different labels")
    if not rows:
        raise DataError(f"{path} has no rows", "it should hold a count, a line of names and one line per picture")
    return names, rows


def _split_official(whole: Labelled, folder: Path) -> DataSet:
    path = folder / "list_eval_partition.txt"
    if not path.is_file():
        raise DataError(f"{path} is missing", "fetch it, or use --split reference")
    part_of = _read_partition(path)
    parts: dict[str, list[int]] = {"0": [], "1": [], "2": []}
    for i, file in enumerate(whole.files):
        if file in part_of:
            parts[part_of[file]].append(i)
    if not parts["0"]:
        raise DataError(f"{path} names no picture for training")
    if unnamed := len(whole) - sum(map(len, parts.values())):
        whole = replace(whole, notes=(*whole.notes, f"{unnamed:,} pictures have no row in {path.name}: left out"))
    return dict(zip(PARTS, (whole.select(indices) for indices in parts.values()), strict=True))


def _read_partition(path: Path) -> dict[str, str]:
    part_of: dict[str, str] = {}
    for number, line in enumerate(_lines(path), start=1):
        fields = line.split()
        if not fields:
            continue
        if len(fields) != 2 or fields[1] not in ("0", "1", "2"):
            raise DataError(f"{path}, line {number}: expected a file name and 0, 1 or 2")
        if part_of.setdefault(fields[0], fields[1]) != fields[1]:
            raise DataError(f"{path}, line {number}: {fields[0]} stands there twice, in different parts")
    return part_of


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise DataError(f"cannot read {path}: {error}") from error


def _split_reference(whole: Labelled) -> DataSet:
    order = list(range(len(whole)))
    random.Random(1234).shuffle(order)
    held_out = min(REFERENCE_TEST_SIZE, len(order) // 10)
    test = whole.select(order[:held_out])
    return {"train": whole.select(order[held_out:]), "validation": test, "test": test}
