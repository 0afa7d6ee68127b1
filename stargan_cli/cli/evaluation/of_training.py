"""`stargan train --eval-every`: evaluate a run's weights as `stargan eval --fast` does, on validation pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stargan_cli.train.evaluations import Evaluate
    from stargan_cli.train.recipe.settings import TrainSettings


def evaluator(settings: TrainSettings, device: str, cache: Path | None, workers: int | None) -> Evaluate | None:
    """What measures the weights of this run; None without `eval_every`.

    Raises UsageError and WeightsError now, not in the middle of the run, if a classifier or a network is missing.
    """
    if not settings.eval_every:
        return None
    from stargan_cli.cli.evaluation.command import classifiers_of
    from stargan_cli.device import pick_device
    from stargan_cli.evaluate.classifiers.classifier import load_classifier
    from stargan_cli.evaluate.glance import log_row
    from stargan_cli.evaluate.instruments import find_instruments
    from stargan_cli.evaluate.run import evaluate
    from stargan_cli.evaluate.settings import EvalSettings

    wanted = EvalSettings(
        data=settings.data,
        root=Path(settings.root) if settings.root else None,
        split=settings.split,
        part="validation",
        classifiers=tuple(classifiers_of(settings.data)),
        fast=True,
        device=device,
        cache=cache,
        workers=workers,
    )
    for path in wanted.classifiers:
        load_classifier(path)
    find_instruments(wanted, pick_device(device))
    return lambda weights, progress: log_row(evaluate(str(weights), wanted, progress, progress))
