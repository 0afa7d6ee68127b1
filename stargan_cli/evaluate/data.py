"""The real pictures that weights are measured on, and the classifiers that read them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from stargan_cli.datasets import loading
from stargan_cli.datasets.celeba_people import TABLE, people
from stargan_cli.datasets.decoded_cache import CachedPictures, cached
from stargan_cli.datasets.labelled import DataSet, Labelled, Part, notes_of
from stargan_cli.device import cpu_count
from stargan_cli.errors import DataError, UsageError
from stargan_cli.evaluate.classifiers.classifier import Classifier
from stargan_cli.evaluate.names import told_apart
from stargan_cli.evaluate.readings import Readers, readers_for
from stargan_cli.evaluate.same_person import Portraits, portrait_rows
from stargan_cli.evaluate.settings import EvalSettings
from stargan_cli.evaluate.translating.photos import Photos, found_in, selected
from stargan_cli.evaluate.values import LabelledSet
from stargan_cli.faces.finding import landmarks_of
from stargan_cli.labels import LabelLayout
from stargan_cli.progress import Progress, Say
from stargan_cli.weights.card import Card
from stargan_cli.weights.files import Weights


def labelled_sets(
    compared: Sequence[Weights],
    classifiers: Sequence[Classifier],
    settings: EvalSettings,
    decoding: Progress,
    note: Say,
) -> list[list[LabelledSet]]:
    """For each of the weights all data sets, at its own size. Several weights get the same pictures: those in which all
    of them find a face. `note` gets what there is to say of the data. Of data sets with one name, the second is called
    `name (2)`. Raises UsageError and DataError."""
    found, matching = [], [matching_sets(weights.card.layout, settings) for weights in compared]
    for number, data in enumerate(settings.data):
        for text in notes_of(matching[0][number][1]):
            note(text)
        person_on = _people(matching[0][number][1][settings.part], settings, note)
        row = [
            _labelled_set(weights, data, *sets[number], person_on, classifiers, settings, decoding)
            for weights, sets in zip(compared, matching, strict=True)
        ]
        found.append(_of_all(row, f"{settings.part} picture of {data}"))
    names = told_apart([row[0].name for row in found])
    return [[_called(name, one) for one, name in zip(sets, names, strict=True)] for sets in zip(*found, strict=True)]


def _people(labelled: Labelled, settings: EvalSettings, note: Say) -> dict[str, str]:
    """The person on each picture, by its file, as far as they are known. `note` is told if the table has gaps."""
    found = people(labelled)
    if found is not None and len(found) < len(labelled):
        note(
            f"{TABLE} names the person on {len(found):,} of {len(labelled):,} {settings.part} pictures: the others "
            "give no pairs of photos to compare with"
        )
    return found or {}


def _of_all(row: list[LabelledSet], pictures: str) -> list[LabelledSet]:
    """The same data set for several weights, with the pictures that all of them have."""
    common = set.intersection(*(set(one.pictures.labelled.files) for one in row))
    if not common:
        raise DataError(f"no {pictures} shows a face", "leave out --at source")
    row = [_only(common, one) for one in row]
    if not row[0].targets():
        raise DataError(f"every {pictures} already shows every target", "use more pictures")
    return row


def _only(files: Collection[str], one: LabelledSet) -> LabelledSet:
    """The same set with these of its pictures. The others count as unreadable."""
    rows = [row for row, file in enumerate(one.pictures.labelled.files) if file in files]
    if len(rows) == len(one.pictures):
        return one
    why = "no face found for the other weights"
    return replace(
        one,
        pictures=selected(one.pictures, rows, why),
        photos=one.photos and one.photos.select(rows, why),
    )


def _called(name: str, one: LabelledSet) -> LabelledSet:
    """The same set with another name."""
    labelled = one.pictures.labelled
    named = replace(labelled, label_set=replace(labelled.label_set, name=name))
    return replace(one, pictures=replace(one.pictures, labelled=named))


def _labelled_set(
    weights: Weights,
    data: str,
    index: int,
    parts: DataSet,
    person_on: Mapping[str, str],
    classifiers: Sequence[Classifier],
    settings: EvalSettings,
    decoding: Progress,
) -> LabelledSet:
    """The pictures of one data set at the weights' size. Raises UsageError and DataError."""
    labelled, readers = part_to_measure(data, parts, settings.part, classifiers)
    pictures, photos = _opened(labelled.evenly(settings.most), weights.card, settings, decoding)
    portraits = None
    if rows := portrait_rows([person_on.get(file) for file in labelled.files]):
        squares, faces = _opened(labelled.select(rows), weights.card, settings, decoding)
        seen = faces.squares if faces else squares
        if len(seen):
            portraits = Portraits(seen, tuple(person_on[file] for file in seen.labelled.files))
    return LabelledSet(index, pictures, readers, person_on, not settings.fast, photos, portraits)


def part_to_measure(
    data: str, parts: DataSet, part: Part, classifiers: Sequence[Classifier]
) -> tuple[Labelled, Readers]:
    """The pictures of one part of a data set, and the classifiers that read them. Raises DataError without a picture,
    UsageError without a classifier that knows the labels."""
    labelled = parts[part]
    if not len(labelled):
        hint = (
            f"its parts: {parts['train'].parted}; --split official takes them from list_eval_partition.txt (1: "
            "validation, 2: test), --split reference draws them"
        )
        raise DataError(f"{data} has no {part} picture", hint if data == "celeba" else None)
    return labelled, readers_for(labelled.label_set, classifiers)


def _opened(
    labelled: Labelled, card: Card, settings: EvalSettings, decoding: Progress
) -> tuple[CachedPictures, Photos | None]:
    """The decoded pictures and, for `--at source`, their faces: then only the pictures with one."""
    workers = settings.workers or cpu_count()
    pictures = cached(labelled, card.model.image_size, settings.cache, workers, decoding)
    if settings.at == "square":
        return pictures, None
    landmarks = landmarks_of(card.preprocessing)
    if landmarks is None:
        raise UsageError("these weights do not say where they expect a face", "leave out --at source")
    return found_in(pictures, landmarks, workers, decoding)


def matching_sets(layout: LabelLayout, settings: EvalSettings) -> list[tuple[int, DataSet]]:
    """For each data set, the index of the weights' label set that fits it, and its pictures. Those of class folders are
    left out of CelebA, as in a training on all these sets. Raises UsageError and DataError."""
    indices, sets = zip(*(_matching_set(layout, data, settings) for data in settings.data), strict=True)
    return list(zip(indices, loading.without_shared_pictures(list(sets)), strict=True))


def _matching_set(layout: LabelLayout, data: str, settings: EvalSettings) -> tuple[int, DataSet]:
    """The index of the weights' label set that fits this data set, and the data with its attributes. Of several that
    fit, the one with the data set's name or, if all label sets are measured, the one in its position of
    `settings.data`."""
    found: dict[int, DataSet] = {}
    for index, label_set in enumerate(layout.sets):
        if (data == "celeba") != (label_set.kind == "attributes"):
            continue
        parts = loading.load_set(data, settings.root, label_set.attributes, label_set.groups, settings.split)
        if parts["test"].label_set.attributes == label_set.attributes:
            found[index] = parts
    if not found:
        known = "; ".join(f"{one.name}: {', '.join(one.attributes)}" for one in layout.sets)
        raise UsageError(f"these weights were not made for the labels of {data}", f"they know {known}")
    chosen = [index for index, parts in found.items() if parts["test"].label_set.name == layout.sets[index].name]
    if not chosen and len(settings.data) == len(layout.sets):
        chosen = [index for index in found if settings.data[index] == data]
    chosen = chosen or list(found)
    if len(chosen) > 1:
        names = ", ".join(layout.sets[index].name for index in chosen)
        raise UsageError(
            f"several label sets of these weights have the labels of {data}: {names}",
            "name the folder as one of them, or give --data for all sets of the weights, in their order",
        )
    return chosen[0], found[chosen[0]]
