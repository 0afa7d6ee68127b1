"""How good a generator is: measured on real pictures, judged by a classifier trained apart from its discriminator."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from stargan_cli.attributes import LabelLayout
from stargan_cli.data import datasets
from stargan_cli.data.cache import cached
from stargan_cli.data.labelled import DataSet, Labelled, Part
from stargan_cli.device import cpu_count, pick_device, pick_precision, repeatable
from stargan_cli.errors import DataError, UsageError
from stargan_cli.metrics.bootstrap import estimate
from stargan_cli.metrics.classifier import Classifier, load_classifier
from stargan_cli.progress import Progress, silent
from stargan_cli.tasks.measuring import LabelledSet, Measuring, SetValues, TargetValues, Values, steps
from stargan_cli.tasks.translating_sets import Machine
from stargan_cli.weights import Weights, load


@dataclass(frozen=True)
class EvalSettings:
    """`data`: `celeba` or paths with one folder per class. `limit`: at most so many pictures of each data set, taken
    evenly from all of them. `classifiers`: files of the judges, each used where it knows the attributes."""

    data: tuple[str, ...] = ("celeba",)
    root: Path | None = None
    split: str = "official"
    part: Part = "test"
    classifiers: tuple[Path, ...] = ()
    limit: int | None = None
    batch_size: int = 16
    workers: int | None = None
    device: str = "auto"
    precision: str = "fp32"
    cache: Path | None = None
    seed: int = 0


def evaluate(source: str, settings: EvalSettings, progress: Progress = silent) -> dict[str, Any]:
    """Measure the weights that `source` means. Returns one document of plain values, ready for JSON.

    Raises UsageError, DataError and WeightsError.
    """
    repeatable()
    weights = load(source)
    device = pick_device(settings.device)
    machine = Machine(device, pick_precision(settings.precision, device), settings.batch_size)
    judges = [load_classifier(path) for path in settings.classifiers]
    sets = [_labelled_set(weights, name, judges, settings) for name in settings.data]
    measured = _measure(weights, sets, machine, progress)
    return {
        "weights": {"path": str(weights.path), "fingerprint": weights.fingerprint},
        "settings": {"precision": str(machine.dtype).removeprefix("torch."), "part": settings.part},
        "sets": [summary(values, settings.seed) for values in measured],
    }


def _measure(weights: Weights, sets: list[LabelledSet], machine: Machine, progress: Progress) -> list[SetValues]:
    total, done = sum(steps(labelled_set) for labelled_set in sets), 0

    def advance(pictures: int) -> None:
        nonlocal done
        done += pictures
        progress(done, total)

    weights.generator.to(machine.device)
    for labelled_set in sets:
        labelled_set.classifier.network.to(machine.device)
    return [Measuring(weights.generator, weights.card.layout, one, machine, advance).run() for one in sets]


def _labelled_set(weights: Weights, data: str, judges: list[Classifier], settings: EvalSettings) -> LabelledSet:
    index, parts = _matching_set(weights.card.layout, data, settings)
    labelled = parts[settings.part]
    if settings.limit is not None and settings.limit < len(labelled):
        labelled = _evenly(labelled, settings.limit)
    if not len(labelled):
        raise DataError(f"{data} has no picture in its {settings.part} part")
    size, workers = weights.card.model.image_size, settings.workers or cpu_count()
    pictures = cached(labelled, size, settings.cache, workers)
    return LabelledSet(index, pictures, _judge_for(labelled, judges))


def _matching_set(layout: LabelLayout, data: str, settings: EvalSettings) -> tuple[int, DataSet]:
    """The label set of the weights that this data set has, and the data with these attributes."""
    for index, label_set in enumerate(layout.sets):
        if (data == "celeba") != (label_set.kind == "attributes"):
            continue
        parts = datasets.load(data, settings.root, label_set.attributes, label_set.groups, settings.split)
        if parts["test"].label_set.attributes == label_set.attributes:
            return index, parts
    known = "; ".join(f"{one.name}: {', '.join(one.attributes)}" for one in layout.sets)
    raise UsageError(f"these weights were not made for the labels of {data}", f"they know {known}")


def _evenly(labelled: Labelled, count: int) -> Labelled:
    return labelled.select([i * len(labelled) // count for i in range(count)])


def _judge_for(labelled: Labelled, judges: list[Classifier]) -> Classifier:
    wanted = labelled.label_set
    for judge in judges:
        if judge.label_set.kind == wanted.kind and set(wanted.attributes) <= set(judge.label_set.attributes):
            return judge
    knows = "; ".join(", ".join(judge.label_set.attributes) for judge in judges) or "none was given"
    raise UsageError(
        f"no classifier for {wanted.name}: {', '.join(wanted.attributes)} (known: {knows})",
        "fit one with: stargan eval --fit-classifier --classifier FILE --data ...",
    )


def summary(measured: SetValues, seed: int = 0) -> dict[str, Any]:
    """Means with their intervals, as plain values."""
    labelled, judge = measured.labelled_set.pictures.labelled, measured.labelled_set.classifier
    singles = [one for one in measured.targets if not one.target.combination]
    rows = {name: torch.cat([getattr(one, name) for one in singles]) for name in ("real", "do_nothing", "translated")}
    return {
        "name": labelled.label_set.name,
        "pictures": len(labelled),
        "classifier": {name: judge.accuracy[name] for name in labelled.label_set.attributes if name in judge.accuracy},
        "targets": [_target_summary(one, measured, seed) for one in measured.targets],
        "all_single_changes": {name: _estimate(values, seed) for name, values in rows.items()},
        "own_label": _means(measured.own, seed),
        "there_and_back": _means(measured.there_and_back, seed) | {"through": measured.targets[-1].target.name},
    }


def _target_summary(one: TargetValues, measured: SetValues, seed: int) -> dict[str, Any]:
    target = one.target
    rows: dict[str, Any] = {
        "name": target.name,
        "combination": target.combination,
        "real": _estimate(one.real, seed),
        "do_nothing": _estimate(one.do_nothing, seed),
        "translated": _estimate(one.translated, seed),
    }
    if not target.combination:
        rows["accuracy_of_all"] = _estimate(_all_pictures(one, measured), seed)
    return rows | _means(one.values, seed)


def _all_pictures(one: TargetValues, measured: SetValues) -> Tensor:
    """Success over all pictures: those that showed the target before are translated with their own label."""
    shown, labels = one.target.real, measured.labelled_set.pictures.labelled.labels
    kept = ((measured.own_read[shown] == labels[shown]) | ~one.target.real_judged).all(dim=1)
    return torch.cat([one.translated, kept])


def _means(values: Values, seed: int) -> dict[str, Any]:
    return {name: _estimate(numbers, seed) for name, numbers in values.items()}


def _estimate(values: Tensor, seed: int) -> dict[str, Any] | None:
    found = estimate(values.double().numpy(), seed)
    return found.to_dict() if found else None
