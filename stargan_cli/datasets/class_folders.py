"""One folder per class: RaFD's layout, and that of most classification sets."""

from __future__ import annotations

import difflib
import hashlib
import os
import unicodedata
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import torch

from stargan_cli.datasets.labelled import PARTS, DataSet, Labelled, Part
from stargan_cli.datasets.part_folders import broken_links, find_parts, subfolders
from stargan_cli.errors import DataError, UsageError, counted
from stargan_cli.files.passed_over import PassedOver, is_passed_over, passed_over_part
from stargan_cli.labels import LabelSet
from stargan_cli.labels.vocabulary import plain
from stargan_cli.pictures.listing import is_folder, is_picture, pictures_below


def load_class_folders(path: Path, name: str | None = None) -> DataSet:
    """One folder per class, either in folders for the parts (`part_folders`) or directly under `path`.

    If no part is held out, about a tenth of each class is (chosen by a hash of the file names). If only one of
    validation and test exists, it serves for both. The notes name what was passed over. The set is called `name`, by
    default like its folder. Raises DataError.
    """
    if not path.is_dir():
        raise DataError(
            f"no data set at {path}",
            "--data takes celeba, or a folder with one folder of pictures per class; if it was moved, its new place",
        )
    name = name or path.resolve().name
    passed_over = PassedOver()
    folders = find_parts(path)
    train = folders.get("train", path)
    classes = _class_names(train, passed_over)
    parts: DataSet = {part: _read_part(folder, classes, name, passed_over) for part, folder in folders.items()}
    if len(parts) < 2:
        parts = _hold_out(parts.get("train") or _read_part(path, classes, name, passed_over))
    else:
        parts["train"] = replace(parts["train"], parted=_parted(folders))
    others = [f"{other}/" for other in subfolders(path) if folders and path / other not in folders.values()]
    notes = [f"{', '.join(others)} in {path}: not part of the data set, left out"] if others else []
    notes += passed_over.notes
    notes += _left_out(train)
    parts["train"] = replace(parts["train"], notes=(*notes, *parts["train"].notes))
    parts.setdefault("test", parts.get("validation", parts["train"]))
    parts.setdefault("validation", parts["test"])
    return {part: parts[part] for part in PARTS}


def _left_out(folder: Path) -> list[str]:
    """Notes about what lies beside the class folders."""
    loose = sum(is_picture(entry.name) and not is_folder(entry) for entry in os.scandir(folder))
    notes = [f"pictures in {folder} itself, in no class folder: {loose:,}, left out"] if loose else []
    links = [name for name in broken_links(folder) if not is_picture(name)]
    return notes + ([f"links in {folder} that lead nowhere: {', '.join(links)}, left out"] if links else [])


def refuse_inside(place: Path, option: str, data: Iterable[str]) -> None:
    """Raises UsageError if `place`, where pictures will be written, is among the class folders of one of these data
    sets (`celeba` or paths): the next call would take it for a class."""
    for path in (Path(source) for source in data if source != "celeba"):
        for folder in (find_parts(path).values() or [path]) if path.is_dir() else ():
            inside, whole = place.resolve(), folder.resolve()
            if inside.is_relative_to(whole) and passed_over_part(inside.relative_to(whole)) is None:
                raise UsageError(
                    f"{option} {place} lies among the classes of {folder}, and would be taken for one of them",
                    "give a place outside of the data set; what is there already can be moved",
                )


def _parted(folders: dict[Part, Path]) -> str:
    used = {part: f"{folder.name}/" for part, folder in folders.items()}
    held_out = used.get("test") or used.get("validation")
    return ", ".join(f"{part} from {used.get(part, held_out)}" for part in PARTS)


def _class_names(folder: Path, passed_over: PassedOver) -> tuple[str, ...]:
    classes = tuple(_by_composed_name(folder, passed_over))
    if len(classes) >= 2:
        return classes
    hint = "at least two folders of pictures are needed, one per class"
    if classes and subfolders(folder / classes[0]):
        hint += f"; if they are in {folder / classes[0]}, give that"
    raise DataError(f"{folder} has {f'only the class {classes[0]}' if classes else 'no class folders'}", hint)


def _by_composed_name(folder: Path, passed_over: PassedOver | None = None) -> dict[str, str]:
    """Class name in NFC -> the name of its folder, in which macOS decomposes letters with accents."""
    names = subfolders(folder, passed_over)
    classes = {unicodedata.normalize("NFC", name): name for name in names}
    if len(classes) < len(names):
        twice = next(name for name in names if name not in classes.values())
        raise DataError(f"{folder} has two folders {twice}, in two Unicode forms", "rename or join them")
    return classes


def _alike(classes: tuple[str, ...]) -> list[list[str]]:
    """Names of classes that `--set` tells apart only if they are written exactly."""
    groups: dict[str, list[str]] = {}
    for name in classes:
        groups.setdefault(plain(name), []).append(name)
    return [names for names in groups.values() if len(names) > 1]


def _without_pictures(named: Path, place: Path) -> DataError:
    others = sum(path.is_file() and not is_passed_over(path.name) for path in place.iterdir())
    if others:
        what = f"only {counted(others, 'file')} without a picture's ending"
        return DataError(
            f"{named} has no pictures, {what}", "give pictures endings such as .jpg; or is the folder a level too high?"
        )
    return DataError(f"{named} has no pictures", "every class needs some; is the folder a level too high?")


def _read_part(folder: Path, classes: tuple[str, ...], name: str, passed_over: PassedOver) -> Labelled:
    files, labels, notes = [], [], []
    there = _by_composed_name(folder)
    for index, label in enumerate(classes):
        if label not in there:
            close = difflib.get_close_matches(label, there, n=1)
            hint = f"is it {close[0]}?" if close else "every part needs the classes of the training part"
            raise DataError(f"{folder} has no folder {label}", hint)
        place = folder / there[label]
        found = pictures_below(place, passed_over)
        pictures = [file.relative_to(folder).as_posix() for file in found]
        if not pictures:
            raise _without_pictures(folder / label, place)
        files += pictures
        labels += [index] * len(pictures)
        if any("/" in file.removeprefix(f"{place.name}/") for file in pictures):
            notes.append(f"{folder / label} has sub-folders; all pictures in them count as {label}")
    notes += [
        f"{' and '.join(names)} differ in case or punctuation alone, and are different classes"
        for names in _alike(classes)
    ]
    notes += [f"{folder / extra} is no class of the training part: left out" for extra in there if extra not in classes]
    notes += _in_several_classes(folder, files, labels)
    one_hot = torch.nn.functional.one_hot(torch.tensor(labels), len(classes)).to(torch.uint8)
    return Labelled(LabelSet(name, classes, kind="classes"), folder, tuple(files), one_hot, tuple(notes))


def _in_several_classes(folder: Path, files: Sequence[str], labels: Sequence[int]) -> list[str]:
    """A note if one file belongs to several classes: through links, to files or to whole folders."""
    first: dict[tuple[int, int], int] = {}
    again: list[tuple[str, str]] = []
    for index, file in enumerate(files):
        with suppress(OSError):  # a broken link: it is reported when the pictures are decoded
            status = os.stat(folder / file)
            before = first.setdefault((status.st_dev, status.st_ino), index)
            if labels[before] != labels[index]:
                again.append((files[before], file))
    if not again:
        return []
    return [f"files in {folder} that are in several classes: {len(again):,}, such as {' and '.join(again[0])}"]


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
    whole = replace(whole, parted="a tenth of each class is held out, by a hash of the names")
    return {"train": whole.select(train), "test": whole.select(sorted(test))}
