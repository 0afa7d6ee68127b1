"""Pictures with their labels, and the parts of a data set."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

import torch
from torch import Tensor

from stargan_cli.errors import DataError
from stargan_cli.labels import LabelSet

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = get_args(Part)


@dataclass(frozen=True)
class Labelled:
    """Pictures of one data set with their labels: `labels` is uint8 (N, k), one column per attribute of `label_set`.

    `notes` are findings for the user: rows without pictures, pictures without rows. `parted`, in the part to train
    with, says which pictures are in which part, and why.
    """

    label_set: LabelSet
    folder: Path
    files: tuple[str, ...]
    labels: Tensor
    notes: tuple[str, ...] = ()
    parted: str = ""

    def __len__(self) -> int:
        return len(self.files)

    def paths(self) -> list[Path]:
        return [self.folder / file for file in self.files]

    def evenly(self, most: int | None) -> Labelled:
        """At most so many of these pictures, taken evenly; None: all."""
        return self.select(evenly(len(self), most))

    def select(self, indices: list[int]) -> Labelled:
        """The same data set with these pictures only, in this order."""
        files = tuple(self.files[i] for i in indices)
        return replace(self, files=files, labels=self.labels[indices])

    def counts(self) -> dict[str, int]:
        """How many pictures show each attribute."""
        return dict(zip(self.label_set.attributes, self.labels.sum(0, dtype=torch.int64).tolist(), strict=True))

    def fingerprint(self) -> str:
        """A hash (16 hex digits) of the pictures' names and labels."""
        digest = hashlib.sha256(repr((self.label_set, self.files)).encode("utf-8", "surrogateescape"))
        digest.update(self.labels.numpy().tobytes())
        return digest.hexdigest()[:16]

    def sizes(self) -> str:
        """A hash (16 hex digits) of the lengths of the pictures' files."""
        digest = hashlib.sha256()
        for path in self.paths():
            try:
                size = path.stat().st_size
            except OSError:  # a broken link
                size = -1
            digest.update(f"{size}\n".encode())
        return digest.hexdigest()[:16]


def evenly(count: int, most: int | None) -> list[int]:
    """At most so many of the numbers from 0 to `count` - 1, at equal distances; None: all."""
    chosen = count if most is None else min(most, count)
    return [number * count // chosen for number in range(chosen)]


def refuse_empty(labelled: Labelled) -> None:
    """Raises DataError if no picture shows some attribute, or if all do: nothing could be learnt about it."""
    counts = labelled.counts().items()
    empty, full = ([name for name, count in counts if count == number] for number in (0, len(labelled)))
    if empty or full:
        words = f"no training picture shows {', '.join(empty)}" if empty else f"all training pictures show {full[0]}"
        raise DataError(
            f"{labelled.label_set.name}: {words}: nothing can be learnt about it",
            "choose other attributes or classes, or take more pictures",
        )


DataSet = dict[Part, Labelled]
"""One data set in its parts."""


def notes_of(parts: DataSet) -> list[str]:
    """The notes of all parts, each text once."""
    return list(dict.fromkeys(text for part in parts.values() for text in part.notes))
