"""The people on CelebA's pictures, from identity_CelebA.txt."""

from __future__ import annotations

from pathlib import PurePath

from stargan_cli.datasets.celeba_files import possible_tables
from stargan_cli.datasets.labelled import Labelled
from stargan_cli.errors import DataError, reason_of

TABLE = "identity_CelebA.txt"


def people(labelled: Labelled) -> tuple[str, ...] | None:
    """The person on each picture, as CelebA numbers them. None if the table is in none of the three folders above the
    pictures (or their Anno/), or does not name all pictures. File suffixes are ignored. Raises DataError where the
    table cannot be read."""
    above = list(labelled.folder.parents)[:3]
    path = next((place for folder in above for place in possible_tables(folder, TABLE) if place.is_file()), None)
    if labelled.label_set.kind == "classes" or path is None:
        return None
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {path}: {reason_of(error)}") from error
    rows = [line.split() for line in lines]
    names = {PurePath(fields[0]).stem: fields[1] for fields in rows if len(fields) == 2}
    found = [names.get(PurePath(file).stem) for file in labelled.files]
    return None if None in found else tuple(str(name) for name in found)
