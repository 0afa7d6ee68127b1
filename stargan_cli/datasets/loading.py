"""Data sets by name, alone or joined."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from stargan_cli.datasets.celeba import load_celeba
from stargan_cli.datasets.celeba_files import find_celeba
from stargan_cli.datasets.choice import DEFAULT_ATTRIBUTES
from stargan_cli.datasets.class_folders import load_class_folders
from stargan_cli.datasets.labelled import DataSet, Labelled
from stargan_cli.errors import DataError, reason_of


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
            return load_celeba(root or Path("data"), attributes or DEFAULT_ATTRIBUTES, groups, split)
        return _load_class_folders(Path(source), name)
    except OSError as error:
        raise DataError(f"cannot read {error.filename or source}: {reason_of(error)}") from error


def _load_class_folders(path: Path, name: str | None) -> DataSet:
    try:
        return load_class_folders(path, name)
    except DataError:
        try:
            find_celeba(path)
        except (DataError, OSError):
            pass
        else:
            raise DataError(f"{path} holds CelebA, not class folders", f"give --data celeba --root {path}") from None
        raise


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
