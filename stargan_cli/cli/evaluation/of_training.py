"""`stargan train --eval-every`: what `stargan eval --fast` says of a run's weights, on validation pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stargan_cli.train.recipe.settings import TrainSettings


def evaluator(
    settings: TrainSettings, device: str, cache: Path | None, workers: int | None
) -> Callable[[Path], dict[str, float]] | None:
    """A weights file -> the numbers of its evaluation; None where the settings want none. Raises UsageError and
    WeightsError now where a classifier or a network is missing."""
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
    return lambda weights: log_row(evaluate(str(weights), wanted))
