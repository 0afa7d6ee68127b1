"""Find CelebA's files in the layout of torchvision, the reference code, Kaggle, CelebA's own download or CelebA-HQ."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from stargan_cli.datasets.part_folders import subfolders
from stargan_cli.errors import DataError
from stargan_cli.pictures.listing import is_picture

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
    """The folder of the pictures, and the tables; `partition` is None if it is missing."""

    pictures: Path
    attributes: Path
    partition: Path | None


def find_celeba(root: Path) -> CelebaFiles:
    """Find CelebA in `root` itself or in a folder in it whose name contains "celeb".

    Tables may be .txt or .csv, also in Anno/ or Eval/; pictures may be in img_align_celeba/ or images/, also in Img/,
    or one folder deeper. Raises DataError, which names what was found and what is missing.
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


def _table(place: Path, names: Sequence[str]) -> Path | None:
    files = [f"{name}{suffix}" for name in names for suffix in (".txt", ".csv")]
    return next((path for path in possible_tables(place, *files) if path.is_file()), None)


def possible_tables(place: Path, *names: str) -> Iterator[Path]:
    """Possible paths of a table of one of these names: in `place`, or in the folders of CelebA's own download."""
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
    missing = [] if table else [f"{ATTRIBUTES[0]}.txt (or .csv)"]
    missing += [] if pictures else [f"a folder {' or '.join(f'{name}/' for name in PICTURE_FOLDERS[:2])} with pictures"]
    there = sorted(entry.name + "/" * entry.is_dir() for entry in os.scandir(place))[:10]
    packed = [name for name in there if name.endswith((".zip", ".7z", ".tar", ".gz"))]
    message = f"no CelebA in {place}: {' and '.join(missing)} missing; there are: {', '.join(there) or 'no files'}"
    return message, f"unpack {packed[0]}" if packed and not pictures else _FETCH
