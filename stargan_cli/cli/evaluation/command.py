"""`stargan eval`: measure weights on real pictures, or fit the classifier that reads their results."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from stargan_cli.cli.evaluation import options
from stargan_cli.cli.messages import note, say, shown, warn
from stargan_cli.cli.options import (
    CacheOption,
    DataOption,
    DeviceOption,
    JsonOption,
    QuietOption,
    RootOption,
    SeedOption,
    SplitOption,
    WeightsOption,
    WorkersOption,
    given,
)
from stargan_cli.cli.progress import show_progress
from stargan_cli.datasets.choice import SPLITS
from stargan_cli.errors import UsageError, counted
from stargan_cli.progress import unheard
from stargan_cli.settings import listed

if TYPE_CHECKING:
    from stargan_cli.evaluate.classifiers.classifier import Classifier

OF_MEASURING = {
    *("weights", "fast", "at", "features", "inception", "lpips", "identity"),
    *("baseline", "min_accuracy", "out", "pictures", "record"),
}
OF_FITTING = {"attrs", "network", "init", "epochs", "classifier_size"}
OF_CELEBA = {"root", "split", "attrs"}


def evaluate(
    context: typer.Context,
    weights: WeightsOption = "celeba-128",
    data: DataOption = None,
    root: RootOption = None,
    split: SplitOption = "official",
    limit: options.LimitOption = None,
    fast: options.FastOption = False,
    at: options.AtOption = "square",
    cache: CacheOption = None,
    classifier: options.ClassifierOption = None,
    fit_classifier: options.FitOption = False,
    attrs: options.AttributesOption = None,
    network: options.NetworkOption = "efficientnet-lite0",
    init: options.InitOption = None,
    epochs: options.EpochsOption = 4,
    classifier_size: options.SizeOption = 128,
    features: options.FeaturesOption = "efficientnet-lite0",
    inception: options.InceptionOption = None,
    lpips: options.LpipsOption = False,
    identity: options.IdentityOption = None,
    baseline: options.BaselineOption = None,
    min_accuracy: options.MinAccuracyOption = None,
    out: options.OutOption = None,
    pictures: options.PicturesOption = False,
    record: options.RecordOption = None,
    batch_size: options.BatchOption = None,
    precision: options.EvalPrecisionOption = None,
    device: DeviceOption = "auto",
    workers: WorkersOption = None,
    seed: SeedOption = 0,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> int:
    """Measure weights: how often separate classifiers see a change, how real it looks, whether the person stays."""
    sets = tuple(data or ("celeba",))
    if split not in SPLITS:
        raise UsageError(f"unknown split {split}", f"use {' or '.join(SPLITS)}")
    _refuse_without_effect(context, fit_classifier, sets, features)
    if fit_classifier:
        if len(sets) != 1 or len(classifier or ()) > 1:
            raise UsageError("a classifier is fitted on one data set", "give --data and --classifier once")
        from stargan_cli.evaluate.classifiers.fit import FitSettings
        from stargan_cli.evaluate.classifiers.fit_and_save import fit_and_save
        from stargan_cli.evaluate.classifiers.places import usual_classifier

        path = classifier[0] if classifier else usual_classifier(sets[0], network, root, split)
        _require_init(network, init)
        fitting = FitSettings(
            image_size=classifier_size,
            network=network,
            init=init,
            epochs=epochs,
            batch_size=batch_size or FitSettings.batch_size,
            seed=seed,
            device=device,
            precision=precision or FitSettings.precision,
        )
        fit = partial(
            fit_and_save,
            path,
            sets[0],
            fitting,
            root=root,
            attributes=listed(attrs),
            split=split,
            cache=cache,
            workers=workers,
            limit=limit,
        )
        return _fit(path, fit, quiet, as_json)

    from stargan_cli.evaluate.classifiers.places import classifiers_of
    from stargan_cli.evaluate.settings import EvalSettings

    settings = EvalSettings(
        data=sets,
        root=root,
        split=split,
        classifiers=tuple(classifier or classifiers_of(sets, root, split)),
        limit=limit,
        fast=fast,
        at=at,  # type: ignore[arg-type]
        baseline=baseline,
        features=features,  # type: ignore[arg-type]
        inception=inception,
        lpips=lpips,
        identity=identity,
        out=out,
        pictures=pictures,
        record=record,
        batch_size=batch_size or EvalSettings.batch_size,
        workers=workers,
        device=device,
        precision=precision or "fp32",
        cache=cache,
        seed=seed,
    )
    return _measure(weights, settings, min_accuracy, quiet, as_json)


def _refuse_without_effect(context: typer.Context, fitting: bool, sets: tuple[str, ...], features: str) -> None:
    if fitting:
        _refuse(context, OF_MEASURING, "has no effect with --fit-classifier")
    else:
        _refuse(context, OF_FITTING, "has no effect without --fit-classifier")
        if features != "inception":
            _refuse(context, {"inception"}, "has no effect without --features inception")
    if "celeba" not in sets:
        _refuse(context, OF_CELEBA, "is for --data celeba alone: class folders have their own place, parts and classes")


def _refuse(context: typer.Context, names: set[str], why: str) -> None:
    """Raises UsageError if the command line names one of these parameters."""
    if unused := sorted(option for name, option in given(context).items() if name in names):
        raise UsageError(f"{unused[0]} {why}", "leave it out")


def _require_init(network: str, init: Path | None) -> None:
    from stargan_cli.backbones import RESNET

    if network == RESNET and init is None:
        raise UsageError(
            f"no package has ImageNet weights of {RESNET}", "give them with --init FILE, or choose another --network"
        )


def _fit(path: Path, fit: Callable[..., Classifier], quiet: bool, as_json: bool) -> int:
    """Call `fit`, which is `fit_and_save` but for its callbacks, and show its progress and its result."""
    voice = unheard if quiet else note
    with (
        show_progress("decoding", quiet=quiet) as decoding,
        show_progress("fitting", unit="steps", quiet=quiet) as progress,
    ):
        fitted = fit(progress=progress, decoding=decoding, note=voice)
    if as_json:
        typer.echo(json.dumps(fitted.accuracy, allow_nan=False))
    else:
        from stargan_cli.cli.evaluation.tables import show_classifier

        show_classifier(replace(fitted, name=path.stem).quality(fitted.label_set.attributes))
    say(f"written: {shown(path)}")
    return 0


def _measure(weights: str, settings: Any, min_accuracy: float | None, quiet: bool, as_json: bool) -> int:
    from stargan_cli.evaluate.run import evaluate as run
    from stargan_cli.evaluate.run import lowest_accuracy

    with ExitStack() as displays:
        decoding = displays.enter_context(show_progress("decoding", quiet=quiet))
        progress = displays.enter_context(show_progress("measuring", quiet=quiet))

        unshown: list[OSError] = []

        def show(document: dict[str, Any]) -> None:
            displays.close()
            try:
                _show(document, as_json)
            except OSError as error:  # stdout was closed, as by `head`, or is full: the files are still written
                unshown.append(error)

        document = run(weights, settings, progress, decoding, unheard if quiet else note, show)
    if settings.out is not None:
        say(f"report: {shown(settings.out / 'report.md')}")
    if settings.record is not None:
        say(f"weights with their quality: {shown(settings.record)}")
    for error in unshown:
        raise error
    reached = lowest_accuracy(document)
    if min_accuracy is not None and reached < min_accuracy:
        say(f"accuracy {reached:.3f} is below --min-accuracy {min_accuracy}")
        return 1
    return 0


def _show(document: dict[str, Any], as_json: bool) -> None:
    for one in document["sets"]:
        if one["unreadable"]:
            warn(f"{one['name']}: {counted(one['unreadable'], 'picture')} left out: unreadable, or without a face")
    if as_json:
        typer.echo(json.dumps(document, allow_nan=False))
    else:
        from stargan_cli.cli.evaluation.tables import show_document

        show_document(document)
