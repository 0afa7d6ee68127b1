"""Folder names that people use for the parts of a data set: train/, Training/, val/, valid/, dev/, test/, eval/."""

from __future__ import annotations

import os
import re
from pathlib import Path

from stargan_cli.datasets.labelled import PARTS, Part
from stargan_cli.errors import DataError
from stargan_cli.files.passed_over import PassedOver, is_passed_over
from stargan_cli.pictures.listing import is_folder, leads_nowhere

_WORDS: dict[str, Part] = {
    **dict.fromkeys(("train", "training", "trn"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "validate", "dev", "devel", "development"), "validation"),
    **dict.fromkeys(("test", "testing", "tst", "eval", "evaluation", "holdout"), "test"),
}
_PART_AND_CLASS = re.compile(r"((?i:train|valid|val|test))[\W_]*((?<=[\W_]).+|[A-Z0-9].*)")
_ENDINGS = re.compile(r"(?<=.)(set|split|data|images|imgs|pictures)$")


def part_of(name: str) -> Part | None:
    """The part that a folder's name means, whatever its case and punctuation; None for any other name."""
    word = re.sub(r"[\W_]+", "", name.casefold())
    return _WORDS.get(word) or _WORDS.get(_ENDINGS.sub("", word))


def subfolders(folder: Path, passed_over: PassedOver | None = None) -> list[str]:
    """The names of a folder's sub-folders, sorted, without those that are passed over. Raises OSError."""
    names = sorted(entry.name for entry in os.scandir(folder) if is_folder(entry))
    for name in names:
        if passed_over is not None and is_passed_over(name):
            passed_over.add(Path(name))
    return [name for name in names if not is_passed_over(name)]


def broken_links(folder: Path) -> list[str]:
    """The names of symlinks in a folder that lead nowhere, sorted: folders of a disk that is not there, say."""
    return sorted(path.name for path in folder.iterdir() if leads_nowhere(path) and not is_passed_over(path.name))


def find_parts(folder: Path) -> dict[Part, Path]:
    """The folders of the parts, if there is one to train with; empty if the classes lie in `folder` itself.

    A folder that is named as a part but holds no folders is a class. Raises DataError if two folders mean one part,
    if there are parts but none to train with, or if no part has class folders.
    """
    named = [(part, folder / name) for name in subfolders(folder) if (part := part_of(name)) is not None]
    found: dict[Part, Path] = {}
    for part, path in named:
        if not subfolders(path):
            continue
        other = found.setdefault(part, path)
        if other is not path:
            raise DataError(
                f"{folder}: {other.name}/ and {path.name}/ both mean the {part} part", "join them, or rename one"
            )
    if found and "train" not in found:
        names = ", ".join(f"{path.name}/" for path in found.values())
        raise DataError(
            f"{folder} has {names} but no part to train with",
            f"put the classes to train with into {folder / 'train'}, one folder per class",
        )
    joined = [_PART_AND_CLASS.fullmatch(name) for name in subfolders(folder) if part_of(name) is None]
    if not named and len({one[1].casefold() if one else "" for one in joined}) > 1 and all(joined):
        first = next(one for one in joined if one)
        raise DataError(
            f"{folder}: {', '.join(one[0] for one in joined if one)} seem to name parts and classes at once",
            f"make folders for the parts with the classes in them: {first[1]}/{first[2]} for {first[0]}",
        )
    if not found and named and len(named) == len(subfolders(folder)):
        names = " and ".join(f"{path.name}/" for _, path in named)
        raise DataError(
            f"{folder}: {names} hold no class folders", "in each, one folder of pictures per class is needed"
        )
    return {part: found[part] for part in PARTS if part in found}
