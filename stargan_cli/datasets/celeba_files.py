"""Where CelebA's files lie: in torchvision's layout, the reference code's, Kaggle's or that of its own download."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stargan_cli.datasets.part_folders import subfolders
from stargan_cli.errors import DataError
from stargan_cli.pictures.listing import is_picture

ATTRIBUTES, PARTITION = "list_attr_celeba", "list_eval_partition"
PICTURE_FOLDERS = ("img_align_celeba", "images", "img_align_celeba_png", "img_align_celeba_jpg")
_INSIDE = ("", "Anno", "Eval", "Img", "anno", "eval", "img")
_FETCH = (
    "point --root at it, or fetch it with --download (1.4 GB), "
    "or by hand from https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html"
)


@dataclass(frozen=True)
class CelebaFiles:
    """The folder that holds the pictures themselves, and the tables (`partition` None: not there)."""

    pictures: Path
    attributes: Path
    partition: Path | None


def find_celeba(root: Path) -> CelebaFiles:
    """CelebA in `root` itself or in a folder in it that is called like CelebA.

    Tables may be .txt or .csv, and lie in Anno/ and Eval/; pictures in img_align_celeba/, images/ or Img/, one folder
    deeper too. Raises DataError that says what was found and what was not.
    """
    places = [
        root,
        *(root / name for name in _folders(root) if "celeb" in name.casefold() and name not in PICTURE_FOLDERS),
    ]
    for place in places:
        attributes, pictures = _table(place, ATTRIBUTES), _pictures(place)
        if attributes is not None and pictures is not None:
            return CelebaFiles(pictures, attributes, _table(place, PARTITION))
    raise DataError(*_what_is_missing(root, places))


def _table(place: Path, name: str) -> Path | None:
    return next((path for path in tables(place, f"{name}.txt", f"{name}.csv") if path.is_file()), None)


def tables(place: Path, *names: str) -> Iterator[Path]:
    """Where a table of one of these names may lie: in `place` itself, or in the folders of CelebA's own download."""
    return (place / inside / name for inside in _INSIDE for name in names)


def _pictures(place: Path) -> Path | None:
    """The first folder with pictures in it."""
    for folder in (place / inside / name for inside in _INSIDE for name in PICTURE_FOLDERS):
        for path in (folder, *(folder / name for name in _folders(folder))):
            if _has_pictures(path):
                return path
    return None


def _folders(folder: Path) -> list[str]:
    return subfolders(folder) if folder.is_dir() else []


def _has_pictures(folder: Path) -> bool:
    if not folder.is_dir():
        return False
    with os.scandir(folder) as entries:
        return any(is_picture(entry.name) for entry in entries)


def _what_is_missing(root: Path, places: list[Path]) -> tuple[str, str]:
    if not root.is_dir():
        return f"no CelebA: there is no folder {root}", _FETCH
    place = next((place for place in places if _table(place, ATTRIBUTES) or _pictures(place)), root)
    table, pictures = _table(place, ATTRIBUTES), _pictures(place)
    missing = [] if table else [f"{ATTRIBUTES}.txt (or .csv)"]
    missing += [] if pictures else [f"a folder {' or '.join(f'{name}/' for name in PICTURE_FOLDERS[:2])} with pictures"]
    there = sorted(entry.name + "/" * entry.is_dir() for entry in os.scandir(place))[:10]
    packed = [name for name in there if name.endswith((".zip", ".7z", ".tar", ".gz"))]
    message = f"no CelebA in {place}: {' and '.join(missing)} missing; there are: {', '.join(there) or 'no files'}"
    return message, f"unpack {packed[0]}" if packed and not pictures else _FETCH
