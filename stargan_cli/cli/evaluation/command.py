"""`stargan eval`: measure weights on real pictures, or fit the classifier that reads their results."""

from __future__ import annotations

import json
import os
from hashlib import blake2b
from pathlib import Path
from typing import Any, get_args

import typer

from stargan_cli.cli.evaluation import options
from stargan_cli.cli.messages import counted, say, shown, warn
from stargan_cli.cli.options import (
    AttributesOption,
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
)
from stargan_cli.cli.progress import show_progress
from stargan_cli.datasets.choice import SPLITS
from stargan_cli.errors import UsageError
from stargan_cli.settings import listed


def evaluate(
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
    attrs: AttributesOption = None,
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
    batch_size: options.BatchOption = 16,
    precision: options.PrecisionOption = None,
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
    if fit_classifier:
        measuring = {"--out": out, "--record": record, "--baseline": baseline, "--min-accuracy": min_accuracy}
        if unused := [option for option, value in measuring.items() if value is not None]:
            raise UsageError(
                f"{unused[0]} measures, which --fit-classifier does not", "give its file as --classifier FILE"
            )
        if len(sets) != 1 or len(classifier or ()) > 1:
            raise UsageError("a classifier is fitted on one data set", "give --data and --classifier once")
        path = classifier[0] if classifier else _default_classifier(sets[0], network)
        given = {"root": root, "attributes": listed(attrs), "split": split, "cache": cache, "workers": workers}
        machine = {"seed": seed, "device": device, "precision": precision or "auto"}
        fitting = {"network": network, "image_size": classifier_size, "epochs": epochs, "init": init, "limit": limit}
        return _fit(path, sets[0], given, machine | fitting, quiet, as_json)

    from stargan_cli.evaluate.settings import EvalSettings, FeatureNetwork

    for option, value, known in (
        ("--features", features, get_args(FeatureNetwork)),
        ("--at", at, ("square", "source")),
    ):
        if value not in known:
            raise UsageError(f"unknown {option} {value}", f"use {', '.join(known)}")
    settings = EvalSettings(
        data=sets,
        root=root,
        split=split,
        classifiers=tuple(classifier or classifiers_of(sets)),
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
        batch_size=batch_size,
        workers=workers,
        device=device,
        precision=precision or "fp32",
        cache=cache,
        seed=seed,
    )
    return _measure(weights, settings, min_accuracy, quiet, as_json)


def _default_classifier(data: str, network: str) -> Path:
    """In the cache folder. Two data sets whose folders have one name, in different places, have two files."""
    from stargan_cli.datasets.decoded_cache import default_cache_folder

    name = data
    if data != "celeba":
        folder = Path(data).resolve()
        name = f"{folder.name[:60]}-{blake2b(os.fsencode(folder), digest_size=4).hexdigest()}"
    return default_cache_folder() / f"classifier-{name}-{network}.safetensors"


def classifiers_of(sets: tuple[str, ...]) -> list[Path]:
    """All that were fitted into the cache folder; of a data set without one, the name that it would have."""
    from stargan_cli.backbones import DEFAULT_NETWORK, LITE

    found: list[Path] = []
    for data in sets:
        usual = _default_classifier(data, DEFAULT_NETWORK)
        start = usual.stem.removesuffix(DEFAULT_NETWORK)
        fitted = [path for path in usual.parent.glob("*.safetensors") if path.stem.startswith(start)]
        # the classifiers of a folder celeba are none of CelebA: no network but those of LITE has a hyphen in its name
        own = [path for path in fitted if (name := path.stem.removeprefix(start)) in LITE or "-" not in name]
        found += sorted(own) or [usual]
    return found


def _fit(path: Path, data: str, given: dict[str, Any], machine: dict[str, Any], quiet: bool, as_json: bool) -> int:
    from stargan_cli.evaluate.classifiers.fit import FitSettings, fit_and_save

    with (
        show_progress("decoding", quiet=quiet) as decoding,
        show_progress("fitting", unit="steps", quiet=quiet) as progress,
    ):
        fitted = fit_and_save(path, data, FitSettings(**machine), **given, progress=progress, decoding=decoding)
    if as_json:
        typer.echo(json.dumps(fitted.accuracy))
    else:
        from stargan_cli.cli.evaluation.tables import show_classifier

        show_classifier({"name": path.stem, "network": fitted.network.name, "accuracy": fitted.accuracy})
    say(f"written: {shown(path)}")
    return 0


def _measure(weights: str, settings: Any, min_accuracy: float | None, quiet: bool, as_json: bool) -> int:
    from stargan_cli.evaluate.run import evaluate as run
    from stargan_cli.evaluate.run import lowest_accuracy

    with (
        show_progress("decoding", quiet=quiet) as decoding,
        show_progress("measuring", quiet=quiet) as progress,
    ):
        document = run(weights, settings, progress, decoding)
    for one in document["sets"]:
        if one["unreadable"]:
            warn(f"{one['name']}: {counted(one['unreadable'], 'picture')} left out: unreadable, or without a face")
    if as_json:
        typer.echo(json.dumps(document))
    else:
        from stargan_cli.cli.evaluation.tables import show_document

        show_document(document)
    if settings.out is not None:
        say(f"report: {shown(settings.out / 'report.md')}")
    if settings.record is not None:
        say(f"weights with their quality: {shown(settings.record)}")
    reached = lowest_accuracy(document)
    if min_accuracy is not None and reached < min_accuracy:
        say(f"accuracy {reached:.3f} is below --min-accuracy {min_accuracy}")
        return 1
    return 0
