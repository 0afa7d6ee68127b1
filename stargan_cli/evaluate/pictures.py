"""The measured pictures as PNG files, with tables of their labels, so that they can be measured again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from PIL import Image
from torch import Tensor

from stargan_cli.datasets.labelled import Labelled
from stargan_cli.evaluate.names import plain_names
from stargan_cli.evaluate.values import Keep, SetValues
from stargan_cli.files.json_text import parsed_json
from stargan_cli.files.opening import open_regular
from stargan_cli.files.writing import replacing

OF_SOURCES = ("source", "own_label", "there_and_back")
SOURCES, PICTURES = "sources.jsonl", "pictures.jsonl"


def pictures_folder(out: Path, number: int, name: str) -> Path:
    """The folder for the pictures of data set `number` (from 0), called `name`, in the report's folder `out`."""
    return out / "pictures" / f"{number + 1}-{plain_names([name])[0]}"


def picture_writer(folder: Path, labelled: Labelled, targets: Sequence[str]) -> Keep:
    """A function that writes each picture it is given as `folder/KIND/FILE.png`: KIND is source, own_label,
    there_and_back, or translated/TARGET; FILE is the picture's name with its own suffix."""
    places = {kind: folder / kind for kind in OF_SOURCES}
    for target, plain in zip(targets, plain_names(targets), strict=True):
        places[f"translated/{target}"] = folder / "translated" / plain

    def keep(kind: str, rows: Tensor, pictures: Tensor) -> None:
        for row, pixels in zip(rows.tolist(), pictures.permute(0, 2, 3, 1).cpu().numpy(), strict=True):
            path = places[kind] / f"{labelled.files[row]}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path, sync="nothing") as file:
                Image.fromarray(pixels).save(file, format="PNG", compress_level=1)

    return keep


def write_rows(folder: Path, measured: SetValues) -> None:
    """`folder/sources.jsonl`: a row per source picture with its labels and, where it is known, the person on it.
    `folder/pictures.jsonl`: a row per translated picture with what was wanted and whether the classifiers read it."""
    for name, rows in ((SOURCES, _sources(measured)), (PICTURES, _rows(measured))):
        with replacing(folder / name) as file:
            for row in rows:
                file.write(f"{json.dumps(row, allow_nan=False)}\n".encode("utf-8", "surrogateescape"))


def pictures_in(folder: Path) -> set[Path]:
    """The tables that `write_rows` wrote into `folder`, and all pictures of their rows."""
    sources = _named(folder / SOURCES, "source")
    kinds = {PurePosixPath(kind, *name.parts[1:]) for name in sources for kind in OF_SOURCES}
    names = kinds | _named(folder / PICTURES, "translated")
    return {folder / SOURCES, folder / PICTURES} | {folder / name for name in names} if names else set()


def _named(table: Path, column: str) -> set[PurePosixPath]:
    """The pictures in one column of a table that are of its kind (in a folder `column`); none if it is damaged."""
    try:
        with open_regular(table) as file:
            names = {PurePosixPath(parsed_json(line)[column]) for line in file}
    except (OSError, ValueError, KeyError, TypeError):
        return set()
    return {name for name in names if name.parts[:1] == (column,) and ".." not in name.parts and name.suffix == ".png"}


def _sources(measured: SetValues) -> Iterator[dict[str, Any]]:
    labelled, people = measured.labelled_set.pictures.labelled, measured.labelled_set.people
    for file, labels in zip(labelled.files, labelled.labels.tolist(), strict=True):
        row = {"source": f"source/{file}.png", "labels": dict(zip(labelled.label_set.attributes, labels, strict=True))}
        yield row | {"person": people[file]} if file in people else row


def _rows(measured: SetValues) -> Iterator[dict[str, Any]]:
    labelled = measured.labelled_set.pictures.labelled
    places = plain_names([one.target.name for one in measured.targets])
    for one, place in zip(measured.targets, places, strict=True):
        for number, index in enumerate(one.target.pictures.tolist()):
            named = one.target.named[number].tolist()
            wanted = zip(labelled.label_set.attributes, one.target.wanted[number].tolist(), named, strict=True)
            yield {
                "target": one.target.name,
                "source": f"source/{labelled.files[index]}.png",
                "translated": f"translated/{place}/{labelled.files[index]}.png",
                "wanted": {name: value for name, value, asked in wanted if asked},
                "read_as_target": bool(one.translated[number].all()),
                "confidence": round(float(one.values["confidence"][number]), 4),
            }
