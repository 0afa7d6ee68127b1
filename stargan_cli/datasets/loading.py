"""Data sets by name, alone or joined."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from stargan_cli.datasets.celeba import load_celeba
from stargan_cli.datasets.celeba_files import PICTURE_FOLDERS, attribute_table, find_celeba
from stargan_cli.datasets.choice import DEFAULT_ATTRIBUTES, DEFAULT_ROOT
from stargan_cli.datasets.class_folders import load_class_folders
from stargan_cli.datasets.labelled import DataSet, Labelled
from stargan_cli.datasets.packed import how_to_unpack
from stargan_cli.errors import DataError, reason_of
from stargan_cli.pictures.listing import pictures_below


def load_set(
    source: str,
    root: Path | None = None,
    attributes: tuple[str, ...] = (),
    groups: tuple[tuple[str, ...], ...] = (),
    split: str = "official",
    name: str | None = None,
) -> DataSet:
    """Load `source`: `celeba`, or a path with one folder per class, which is called `name` or like its folder.

    Raises DataError and UsageError.
    """
    try:
        if source == "celeba":
            return load_celeba(root or Path(DEFAULT_ROOT), attributes or DEFAULT_ATTRIBUTES, groups, split)
        return _load_class_folders(Path(source), name)
    except OSError as error:
        raise DataError(f"cannot read {error.filename or source}: {reason_of(error)}") from error


def _load_class_folders(path: Path, name: str | None) -> DataSet:
    try:
        return load_class_folders(path, name)
    except DataError as error:
        known = None
        with suppress(OSError):
            known = _what_it_is(path)
        raise known or error from None


def _what_it_is(folder: Path) -> DataError | None:
    """What a folder holds if it is CelebA or still packed; None if it is neither. Raises OSError."""
    command = f"give --data celeba --root {folder}"
    try:
        find_celeba(folder)
        return DataError(f"{folder} holds CelebA, not class folders", command)
    except DataError:
        pass
    if attribute_table(folder):
        pictures = folder / PICTURE_FOLDERS[0]
        return DataError(f"{folder} holds CelebA, but no pictures in {pictures}", f"move them there, and {command}")
    todo = how_to_unpack(folder)
    if todo and not pictures_below(folder):
        return DataError(f"{folder} holds no pictures", f"{todo}, in one folder for each class")
    return None


def without_shared_pictures(sets: list[DataSet]) -> list[DataSet]:
    """Leave out of attribute sets the pictures (same file name and size) that a class-folder set holds too.

    A set that was made from another can then be joined with it: no picture has both kinds of label.
    """
    taken = {_identity(path) for parts in sets for part in parts.values() for path in _class_paths(part)}
    result = []
    for parts in sets:
        if parts["train"].label_set.kind == "classes" or not taken:
            result.append(parts)
            continue
        kept: DataSet = {}
        for name, part in parts.items():
            indices = [i for i, path in enumerate(part.paths()) if _identity(path) not in taken]
            kept[name] = part.select(indices)
            if left_out := len(part) - len(indices):
                note = f"{name} pictures that are in a set of class folders too: {left_out:,}, left out here"
                kept[name] = replace(kept[name], notes=(*part.notes, note))
        result.append(kept)
    return result


def _class_paths(part: Labelled) -> list[Path]:
    return part.paths() if part.label_set.kind == "classes" else []


def _identity(path: Path) -> tuple[str, int]:
    try:
        return path.name, path.stat().st_size
    except OSError:  # a broken link: it is reported when the pictures are decoded
        return path.name, -1
