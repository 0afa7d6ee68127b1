"""Find CelebA's files in the layout of torchvision, the reference code, Kaggle, CelebA's own download or CelebA-HQ."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from stargan_cli.datasets.packed import how_to_unpack
from stargan_cli.datasets.part_folders import subfolders
from stargan_cli.errors import DataError, UsageError
from stargan_cli.pictures.listing import is_folder, is_picture

ATTRIBUTES = ("list_attr_celeba", "CelebAMask-HQ-attribute-anno")
PARTITION = ("list_eval_partition",)
PICTURE_FOLDERS = ("img_align_celeba", "images", "img_align_celeba_png", "img_align_celeba_jpg", "CelebA-HQ-img")
_INSIDE = ("", "Anno", "Eval", "Img", "anno", "eval", "img")
_FETCH = (
    "point --root at it, or fetch it with stargan train --download (1.4 GB), "
    "or by hand from https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html"
)


@dataclass(frozen=True)
class CelebaFiles:
    """The folder of the pictures, and the tables; `partition` is None if it is missing. All are in `place`."""

    place: Path
    pictures: Path
    attributes: Path
    partition: Path | None
    notes: tuple[str, ...] = ()


def find_celeba(root: Path) -> CelebaFiles:
    """Find CelebA in `root` itself or in a folder in it whose name contains "celeb": first in `celeba`, then in one
    with a list of parts. A note says which of several folders was taken.

    Tables may be .txt or .csv, also in Anno/ or Eval/; pictures may be in img_align_celeba/ or images/, also in Img/,
    or one folder deeper. Raises DataError, which names what was found and what is missing, and UsageError if several
    folders are as good as one another.
    """
    if found := _files_in(root):
        return found
    inner = [root / name for name in _folders(root) if "celeb" in name.casefold() and name not in PICTURE_FOLDERS]
    whole = [found for place in inner if (found := _files_in(place))]
    if not whole:
        raise DataError(*_what_is_missing(root, [root, *inner]))
    best = max(map(_preference, whole))
    chosen, *others = [found for found in whole if _preference(found) == best]
    if others:
        names = ", ".join(f"{found.place.name}/" for found in (chosen, *others))
        raise UsageError(
            f"{root} has CelebA several times: {names}", f"give one of them: --data celeba --root {chosen.place}"
        )
    left = ", ".join(f"{place.name}/" for place in inner if place != chosen.place)
    return replace(chosen, notes=(f"CelebA is read from {chosen.place}, not from {left}",) if left else ())


def _files_in(place: Path) -> CelebaFiles | None:
    attributes = attribute_table(place)
    pictures = _pictures(place) if attributes else None  # counts files, which may be millions
    if attributes is None or pictures is None:
        return None
    return CelebaFiles(place, pictures, attributes, _table(place, PARTITION))


def _preference(found: CelebaFiles) -> tuple[bool, bool]:
    return found.place.name.casefold() == "celeba", found.partition is not None


def attribute_table(place: Path) -> Path | None:
    """The table of CelebA's attributes in a folder, or in the folders of CelebA's own download in it."""
    return _table(place, ATTRIBUTES)


def _table(place: Path, names: Sequence[str]) -> Path | None:
    files = [f"{name}{suffix}" for name in names for suffix in (".txt", ".csv")]
    return next((path for path in possible_tables(place, *files) if path.is_file()), None)


def possible_tables(place: Path, *names: str) -> Iterator[Path]:
    """Possible paths of a table of one of these names: in `place`, or in the folders of CelebA's own download."""
    return (place / inside / name for inside in _INSIDE for name in names)


def _pictures(place: Path) -> Path | None:
    """The first folder with pictures in it or, if they are one folder deeper, that one."""
    for folder in (place / inside / name for inside in _INSIDE for name in PICTURE_FOLDERS):
        counts = {path: _picture_count(path) for path in (folder, *(folder / name for name in _folders(folder)))}
        most = max(counts, key=counts.__getitem__)
        if counts[most]:
            return most
    return None


def _folders(folder: Path) -> list[str]:
    return subfolders(folder) if folder.is_dir() else []


def _picture_count(folder: Path) -> int:
    if not folder.is_dir():
        return 0
    with os.scandir(folder) as entries:
        return sum(is_picture(entry.name) for entry in entries)


def _what_is_missing(root: Path, places: list[Path]) -> tuple[str, str]:
    if not root.is_dir():
        return f"no CelebA: there is no folder {root}", _FETCH
    place = next((place for place in places if attribute_table(place) or _pictures(place)), root)
    table, pictures = attribute_table(place), _pictures(place)
    missing = [] if table else [f"{ATTRIBUTES[0]}.txt (or .csv)"]
    missing += [] if pictures else [f"a folder {' or '.join(f'{name}/' for name in PICTURE_FOLDERS[:2])} with pictures"]
    there = sorted(entry.name + "/" * is_folder(entry) for entry in os.scandir(place))[:10]
    message = f"no CelebA in {place}: {' and '.join(missing)} missing; there are: {', '.join(there) or 'no files'}"
    if pictures:
        return message, _FETCH
    return message, how_to_unpack(place) or f"put its pictures into {place / PICTURE_FOLDERS[0]}, {_FETCH}"
