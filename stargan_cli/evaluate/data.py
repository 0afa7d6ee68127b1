"""The real pictures that weights are measured on, and the classifiers that read them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from stargan_cli.datasets import loading
from stargan_cli.datasets.celeba_people import people
from stargan_cli.datasets.decoded_cache import cached
from stargan_cli.datasets.labelled import DataSet, notes_of
from stargan_cli.device import cpu_count
from stargan_cli.errors import DataError, UsageError
from stargan_cli.evaluate.classifiers.classifier import Classifier
from stargan_cli.evaluate.measure import LabelledSet
from stargan_cli.evaluate.names import told_apart
from stargan_cli.evaluate.readings import readers_for
from stargan_cli.evaluate.settings import EvalSettings
from stargan_cli.evaluate.translating.photos import found_in, selected
from stargan_cli.labels import LabelLayout
from stargan_cli.progress import Progress, Say, silent, unheard
from stargan_cli.weights.card import Card
from stargan_cli.weights.files import Weights


def labelled_sets(
    compared: Sequence[Weights],
    classifiers: Sequence[Classifier],
    settings: EvalSettings,
    decoding: Progress = silent,
    note: Say = unheard,
) -> list[list[LabelledSet]]:
    """For each of the weights all data sets, at its own size. Several weights get the same pictures: those in which all
    of them find a face. `note` gets what there is to say of the data. Of data sets with one name, the second is called
    `name (2)`. Raises UsageError and DataError."""
    found = []
    for data in settings.data:
        row = [
            labelled_set(weights, data, classifiers, settings, decoding, unheard if place else note)
            for place, weights in enumerate(compared)
        ]
        found.append(_of_all(row, f"{settings.part} picture of {data}"))
    names = told_apart([row[0].name for row in found])
    return [[_called(name, one) for one, name in zip(sets, names, strict=True)] for sets in zip(*found, strict=True)]


def _of_all(row: list[LabelledSet], pictures: str) -> list[LabelledSet]:
    """The same data set for several weights, with the pictures that all of them have."""
    common = set.intersection(*(set(one.pictures.labelled.files) for one in row))
    if not common:
        raise DataError(f"no {pictures} shows a face", "leave --at source away")
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
        people=one.people and tuple(one.people[row] for row in rows),
        photos=one.photos and one.photos.select(rows, why),
    )


def _called(name: str, one: LabelledSet) -> LabelledSet:
    """The same set with another name."""
    labelled = one.pictures.labelled
    named = replace(labelled, label_set=replace(labelled.label_set, name=name))
    return replace(one, pictures=replace(one.pictures, labelled=named))


def labelled_set(
    weights: Weights,
    data: str,
    classifiers: Sequence[Classifier],
    settings: EvalSettings,
    decoding: Progress,
    note: Say = unheard,
) -> LabelledSet:
    """The pictures of one data set at the weights' size. Raises UsageError and DataError."""
    index, parts = _matching_set(weights.card.layout, data, settings)
    for text in notes_of(parts):
        note(text)
    labelled, most = parts[settings.part], settings.most
    if most is not None and most < len(labelled):
        labelled = labelled.select([i * len(labelled) // most for i in range(most)])
    if not len(labelled):
        hint = "list_eval_partition.txt marks test pictures with 2, validation with 1; --split reference needs no file"
        raise DataError(f"{data} has no {settings.part} picture", hint if data == "celeba" else None)
    readers = readers_for(labelled.label_set, classifiers)
    size = weights.card.model.image_size
    pictures = cached(labelled, size, settings.cache, settings.workers or cpu_count(), decoding)
    photos = None
    if settings.at == "source":
        landmarks = landmarks_of(weights.card)
        if landmarks is None:
            raise UsageError("these weights do not say where they expect a face", "leave --at source away")
        pictures, photos = found_in(pictures, landmarks, settings.workers or cpu_count(), decoding)
    return LabelledSet(index, pictures, readers, people(pictures.labelled), not settings.fast, photos)


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


def landmarks_of(card: Card) -> Mapping[str, Sequence[float]] | None:
    """Where the weights expect the eyes, if the card says so: name -> [x, y], in fractions of the side."""
    places: Any = card.preprocessing.get("landmarks")
    return places if isinstance(places, dict) else None
