"""`stargan train --eval-every`: evaluate a run's weights as `stargan eval --fast` does, on validation pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stargan_cli.datasets.labelled import DataSet
    from stargan_cli.progress import Progress
    from stargan_cli.train.evaluations import Evaluate, Measured
    from stargan_cli.train.recipe.settings import TrainSettings


def evaluator(
    settings: TrainSettings, sets: Sequence[DataSet], device: str, cache: Path | None, workers: int | None
) -> Evaluate | None:
    """What measures the weights of this run, on the validation pictures of its data sets; None without `eval_every`.

    Raises UsageError, WeightsError and DataError now, not in the middle of the run, if a classifier, a network or the
    pictures are missing, or if no classifier knows the labels.
    """
    if not settings.eval_every:
        return None
    from stargan_cli.device import pick_device
    from stargan_cli.evaluate.classifiers.classifier import load_classifiers
    from stargan_cli.evaluate.classifiers.places import classifiers_of
    from stargan_cli.evaluate.data import part_to_measure
    from stargan_cli.evaluate.glance import log_row, measured_with
    from stargan_cli.evaluate.instruments import find_instruments
    from stargan_cli.evaluate.run import evaluate
    from stargan_cli.evaluate.settings import EvalSettings

    root = Path(settings.root) if settings.root else None
    wanted = EvalSettings(
        data=settings.data,
        root=root,
        split=settings.split,
        part="validation",
        classifiers=tuple(classifiers_of(settings.data, root, settings.split)),
        fast=True,
        device=device,
        cache=cache,
        workers=workers,
    )
    classifiers = load_classifiers(wanted.classifiers)
    for data, parts in zip(settings.data, sets, strict=True):
        part_to_measure(data, parts, wanted.part, classifiers)
    find_instruments(wanted, pick_device(device))

    def measure(weights: Path, progress: Progress) -> Measured:
        document = evaluate(str(weights), wanted, progress, progress)
        return log_row(document), measured_with(document)

    return measure
