"""One folder per class: RaFD's layout, and that of most classification sets."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch

from stargan_cli.datasets.labelled import PARTS, DataSet, Labelled
from stargan_cli.errors import DataError
from stargan_cli.labels import LabelSet
from stargan_cli.pictures.listing import pictures_below


def load_class_folders(path: Path, name: str | None = None) -> DataSet:
    """One folder per class, either under `path/train` and `path/test` or directly under `path`.

    Without a test folder, about a tenth of each class (chosen by a hash of the file names) is held out for test.
    Without a validation folder, validation is the test part. The set is called `name`, or as its folder.
    Raises DataError.
    """
    if not path.is_dir():
        raise DataError(f"no data set at {path}", "give celeba, or a folder with one folder of pictures per class")
    name = name or path.resolve().name
    if (path / "train").is_dir():
        classes = _class_names(path / "train")
        parts = {part: _read_part(path / part, classes, name) for part in PARTS if (path / part).is_dir()}
        if "test" not in parts:
            parts |= _hold_out(parts["train"])
    else:
        parts = _hold_out(_read_part(path, _class_names(path), name))
    parts.setdefault("validation", parts["test"])
    return {part: parts[part] for part in PARTS}


def _class_names(folder: Path) -> tuple[str, ...]:
    classes = tuple(sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and entry.name[0] != "."))
    if len(classes) >= 2:
        return classes
    hint = "at least two folders of pictures are needed, one per class"
    if classes and any(entry.is_dir() for entry in (folder / classes[0]).iterdir()):
        hint += f"; if they are in {folder / classes[0]}, give that"
    raise DataError(f"{folder} has {f'only the class {classes[0]}' if classes else 'no class folders'}", hint)


def _read_part(folder: Path, classes: tuple[str, ...], name: str) -> Labelled:
    files, labels, notes = [], [], []
    for index, label in enumerate(classes):
        pictures = [file.relative_to(folder).as_posix() for file in pictures_below(folder / label)]
        if not pictures:
            raise DataError(
                f"{folder / label} has no pictures", "every class needs some; is the folder a level too high?"
            )
        files += pictures
        labels += [index] * len(pictures)
        if any("/" in file.removeprefix(f"{label}/") for file in pictures):
            notes.append(f"{folder / label} has sub-folders; all pictures in them count as {label}")
    for extra in sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and entry.name not in classes):
        notes.append(f"{folder / extra} is no class of the training part: left out")
    one_hot = torch.nn.functional.one_hot(torch.tensor(labels), len(classes)).to(torch.uint8)
    return Labelled(LabelSet(name, classes, kind="classes"), folder, tuple(files), one_hot, tuple(notes))


def _hold_out(whole: Labelled) -> DataSet:
    by_class: dict[str, list[int]] = {}
    for i, file in enumerate(whole.files):
        by_class.setdefault(file.split("/", 1)[0], []).append(i)
    test: set[int] = set()
    for label, indices in by_class.items():
        if len(indices) < 2:
            raise DataError(
                f"class {label} of {whole.folder} has one picture only", "at least two: one to train with, one held out"
            )
        by_hash = sorted(
            indices, key=lambda i: hashlib.sha256(whole.files[i].encode("utf-8", "surrogateescape")).digest()
        )
        test.update(by_hash[: max(1, len(indices) // 10)])
    train = [i for i in range(len(whole)) if i not in test]
    return {"train": whole.select(train), "test": whole.select(sorted(test))}
