"""Fit a classifier on a data set by name, and write its file."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from pathlib import Path

from stargan_cli.datasets import loading
from stargan_cli.datasets.class_folders import refuse_inside
from stargan_cli.datasets.decoded_cache import cached
from stargan_cli.datasets.labelled import DataSet, notes_of, refuse_empty
from stargan_cli.device import cpu_count
from stargan_cli.errors import DataError, UsageError, WeightsError
from stargan_cli.evaluate.classifiers.classifier import Classifier, load_classifier, save_classifier
from stargan_cli.evaluate.classifiers.fit import FitSettings, fit, new_network
from stargan_cli.files.writable import require_file, require_place
from stargan_cli.labels import LabelSet
from stargan_cli.progress import Progress, Say, silent, unheard
from stargan_cli.weights.files import require_utf8


def fit_and_save(
    path: Path,
    data: str,
    settings: FitSettings,
    root: Path | None = None,
    attributes: tuple[str, ...] = (),
    split: str = "official",
    cache: Path | None = None,
    workers: int | None = None,
    limit: int | None = None,
    progress: Progress = silent,
    decoding: Progress = silent,
    note: Say = unheard,
) -> Classifier:
    """Fit on a data set by name (see `datasets.loading.load_set`) and write the file. `limit`: the greatest number of
    training pictures, taken evenly; of the other parts, an equal share is taken. `note` gets what there is to say of
    the data, and of a classifier that will be replaced. Raises UsageError if there is another file than a classifier of
    the same labels, DataError if a part has no picture, or if no training picture, or every one, shows some attribute.
    """
    require_place(path.parent)
    if cache is not None:
        refuse_inside(cache, "--cache", [data])
    require_utf8(path)
    if settings.batch_size < 2:  # batch normalisation has no statistics of one picture
        raise UsageError("a classifier cannot be fitted to one picture at a time", "--batch-size takes 2 at least")
    new_network(1, settings)  # refuse settings that do not fit now, not after the decoding
    parts = loading.load_set(data, root, attributes, (), split)
    require_file(
        path,
        "--classifier",
        own=partial(_reads, parts["train"].label_set),
        overwrite=None,
        hint="only a classifier of the same attributes is replaced: give another --classifier",
    )
    for name, part in parts.items():
        if not len(part):
            raise DataError(
                f"{data} has no {name} picture", "a classifier needs training, validation and test pictures"
            )
    for text in notes_of(parts):
        note(text)
    chosen, threads = _share(parts, limit), workers or cpu_count()
    refuse_empty(chosen["train"])
    if path.exists():
        count = load_classifier(path).training.get("pictures", "an unknown number of")
        note(f"{path} will be replaced: a classifier that was fitted on {count} pictures")
    pictures = {name: cached(part, settings.image_size, cache, threads, decoding) for name, part in chosen.items()}
    fitted, test = fit(pictures, settings, progress), pictures["test"].labelled
    measured_on = {"data": test.label_set.name, "pictures": len(test), "fingerprint": test.fingerprint()}
    if data == "celeba":
        measured_on["split"] = split
    classifier = replace(fitted, training=fitted.training | {"measured_on": measured_on})
    save_classifier(path, classifier)
    return classifier


def _share(parts: DataSet, limit: int | None) -> DataSet:
    """At most `limit` training pictures, and an equal share of the other parts."""
    count = len(parts["train"])
    return {name: part.evenly(limit and math.ceil(limit * len(part) / count)) for name, part in parts.items()}


def _reads(label_set: LabelSet, path: Path) -> bool:
    try:
        return load_classifier(path).label_set == label_set
    except WeightsError:
        return False
