"""Find the pictures in a folder by their names."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from stargan_cli.files.passed_over import PassedOver, is_passed_over
from stargan_cli.pictures.formats import PICTURE_SUFFIXES


def is_picture(name: str) -> bool:
    """Whether a file inside a folder or an archive counts as a picture, by its name."""
    return has_picture_suffix(name) and not is_passed_over(name)


def has_picture_suffix(name: str) -> bool:
    """Whether a name has a picture's suffix, even if `is_passed_over` excludes the file."""
    return os.path.splitext(name)[1].lower() in PICTURE_SUFFIXES


def pictures_below(folder: Path, passed_over: PassedOver | None = None) -> list[Path]:
    """Regular files named like pictures, in sub-folders too, sorted by path. Symlinks are followed; one that leads
    nowhere is listed too, so that whoever reads it can name it.

    Names as in `files.passed_over` are left out, and counted in `passed_over`, by paths relative to the parent of
    `folder`. Raises OSError for a folder that cannot be read.
    """
    counted = PassedOver() if passed_over is None else passed_over
    files: list[Path] = []
    for place, folders, names in os.walk(folder, onerror=_raise, followlinks=True):
        here = Path(place)
        for name in sorted(folders):
            if is_passed_over(name):
                counted.add((here / name).relative_to(folder.parent))
        folders[:] = sorted(name for name in folders if not is_passed_over(name) and not _leads_back(here / name))
        for name in sorted(names):
            if is_picture(name):
                files.append(here / name)
            elif has_picture_suffix(name):
                counted.add((here / name).relative_to(folder.parent))
            elif not is_passed_over(name):
                counted.add_unread(name)
    return [file for file in sorted(files) if os.path.isfile(file) or leads_nowhere(file)]


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a folder or a symlink to one. A symlink loop is neither. Raises OSError."""
    try:
        return entry.is_dir()
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        return False


def leads_nowhere(path: Path) -> bool:
    """Whether a path is a symlink to nothing, or to itself."""
    return path.is_symlink() and not os.path.exists(path)


def _leads_back(folder: Path) -> bool:
    """Whether a folder is a symlink to one of its own parents."""
    return folder.is_symlink() and folder.resolve() in {above.resolve() for above in folder.parents}


def _raise(error: OSError) -> None:
    raise error
