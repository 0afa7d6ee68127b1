"""The people on CelebA's pictures, from identity_CelebA.txt (or .csv)."""

from __future__ import annotations

from pathlib import PurePath

from stargan_cli.datasets.celeba_files import possible_tables
from stargan_cli.datasets.celeba_tables import read_people
from stargan_cli.datasets.labelled import Labelled
from stargan_cli.errors import DataError, reason_of

TABLE = "identity_CelebA.txt"
_TABLES = (TABLE, "identity_CelebA.csv")


def people(labelled: Labelled) -> dict[str, str] | None:
    """The person on each picture that the table names, as CelebA numbers them, by the picture's file. None if the table
    is in none of the three folders above the pictures (or their Anno/). File suffixes are ignored. Raises DataError
    where the table cannot be read."""
    above = list(labelled.folder.parents)[:3]
    path = next((place for folder in above for place in possible_tables(folder, *_TABLES) if place.is_file()), None)
    if labelled.label_set.kind == "classes" or path is None:
        return None
    try:
        names = {PurePath(file).stem: person for file, person in read_people(path).items()}
    except OSError as error:
        raise DataError(f"cannot read {path}: {reason_of(error)}") from error
    return {file: names[stem] for file in labelled.files if (stem := PurePath(file).stem) in names}
