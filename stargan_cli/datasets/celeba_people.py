"""Who is on CelebA's pictures: identity_CelebA.txt."""

from __future__ import annotations

from stargan_cli.datasets.labelled import Labelled
from stargan_cli.errors import DataError

TABLE = "identity_CelebA.txt"


def people(labelled: Labelled) -> tuple[str, ...] | None:
    """The person on each picture, as CelebA numbers them; None where there is no such table or it names not all of the
    pictures. Raises DataError where it cannot be read."""
    path = labelled.folder.parent / TABLE
    if labelled.label_set.kind == "classes" or not path.is_file():
        return None
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {path}: {error}") from error
    rows = [line.split() for line in lines]
    names = {fields[0]: fields[1] for fields in rows if len(fields) == 2}
    found = [names.get(file) for file in labelled.files]
    return None if None in found else tuple(str(name) for name in found)
