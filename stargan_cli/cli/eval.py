"""`stargan eval`: measure weights on real pictures, or fit the classifier that judges them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from stargan_cli.cli.messages import say, shown, warn
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

DATA, JUDGE, DISTANCES, RESULT, MACHINE = "Data", "Judge", "Distances", "Result", "Machine"


def evaluate(
    weights: WeightsOption = "celeba-128",
    data: DataOption = None,
    root: RootOption = None,
    split: SplitOption = "official",
    limit: Annotated[
        int | None, typer.Option(min=1, help="At most so many test pictures, for a quick look.", rich_help_panel=DATA)
    ] = None,
    cache: CacheOption = None,
    classifier: Annotated[
        list[Path] | None,
        typer.Option(
            help="The judge's file; several where the weights have several label sets. By default in the cache folder.",
            metavar="FILE",
            rich_help_panel=JUDGE,
        ),
    ] = None,
    fit_classifier: Annotated[
        bool,
        typer.Option(
            "--fit-classifier",
            help="Measure nothing: train the judge on the real training pictures, into --classifier.",
            rich_help_panel=JUDGE,
        ),
    ] = False,
    attrs: AttributesOption = None,
    init: Annotated[
        Path | None,
        typer.Option(
            help="Fitting: torchvision's ImageNet weights of ResNet-18 to start from.",
            metavar="FILE",
            rich_help_panel=JUDGE,
        ),
    ] = None,
    epochs: Annotated[int, typer.Option(min=1, help="Fitting: epochs at most.", rich_help_panel=JUDGE)] = 8,
    judge_size: Annotated[
        int, typer.Option(min=32, max=1024, help="Fitting: side of its pictures in pixels.", rich_help_panel=JUDGE)
    ] = 128,
    features: Annotated[
        str | None,
        typer.Option(
            help="Distances to real pictures by features of the judge, or of inception (FID and KID).",
            metavar="judge|inception",
            rich_help_panel=DISTANCES,
        ),
    ] = None,
    inception: Annotated[
        Path | None,
        typer.Option(help="Weights of FID's Inception network.", metavar="FILE", rich_help_panel=DISTANCES),
    ] = None,
    lpips: Annotated[
        bool,
        typer.Option("--lpips", help="LPIPS (VGG-16) of source and result too.", rich_help_panel=DISTANCES),
    ] = False,
    identity: Annotated[
        Path | None,
        typer.Option(
            help="An ONNX face embedding (ArcFace): how much of the person stays.",
            metavar="FILE",
            rich_help_panel=DISTANCES,
        ),
    ] = None,
    baseline: Annotated[
        str | None,
        typer.Option(
            help="Other weights to compare with, picture by picture.", metavar="WEIGHTS", rich_help_panel=RESULT
        ),
    ] = None,
    min_accuracy: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, help="Exit with 1 where fewer single changes than this succeed.", rich_help_panel=RESULT
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for a report with contact sheets.", metavar="DIR", rich_help_panel=RESULT),
    ] = None,
    pictures: Annotated[
        bool,
        typer.Option(
            "--pictures",
            help="Every picture that was measured as PNG, and a table, into --out.",
            rich_help_panel=RESULT,
        ),
    ] = False,
    record: Annotated[
        Path | None,
        typer.Option(
            help="Write a copy of the weights whose header holds the result, for stargan info.",
            metavar="FILE",
            rich_help_panel=RESULT,
        ),
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Pictures at once.", rich_help_panel=MACHINE)] = 16,
    precision: Annotated[
        str | None,
        typer.Option(
            help="auto, fp32, bf16 or fp16. Measuring: fp32 if not given; fitting: auto.", rich_help_panel=MACHINE
        ),
    ] = None,
    device: DeviceOption = "auto",
    workers: WorkersOption = None,
    seed: SeedOption = 0,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> int:
    """Measure weights: how often an independent classifier sees the change, and what stays as it was."""
    sets = tuple(data or ("celeba",))
    judges = tuple(classifier or map(_default_judge, sets))
    if split not in SPLITS:
        raise UsageError(f"unknown split {split}", f"use {' or '.join(SPLITS)}")
    if fit_classifier:
        if len(sets) != 1 or len(judges) != 1:
            raise UsageError("a classifier is fitted on one data set", "give --data and --classifier once")
        given = {"root": root, "attributes": listed(attrs), "split": split, "cache": cache, "workers": workers}
        machine = {"seed": seed, "device": device, "precision": precision or "auto"}
        return _fit(
            judges[0],
            sets[0],
            given,
            machine | {"image_size": judge_size, "epochs": epochs, "init": init},
            quiet,
            as_json,
        )
    if features not in (None, "judge", "inception"):
        raise UsageError(f"unknown features {features}", "use judge or inception")

    from stargan_cli.evaluate.settings import EvalSettings

    settings = EvalSettings(
        data=sets,
        root=root,
        split=split,
        classifiers=judges,
        limit=limit,
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


def _default_judge(data: str) -> Path:
    from stargan_cli.datasets.decoded_cache import default_cache_folder

    return default_cache_folder() / f"classifier-{Path(data).resolve().name}.safetensors"


def _fit(path: Path, data: str, given: dict[str, Any], machine: dict[str, Any], quiet: bool, as_json: bool) -> int:
    from stargan_cli.evaluate.fit_classifier import FitSettings, fit_and_save

    with (
        show_progress("decoding", quiet=quiet) as decoding,
        show_progress("fitting", unit="steps", quiet=quiet) as progress,
    ):
        accuracy = fit_and_save(path, data, FitSettings(**machine), **given, progress=progress, decoding=decoding)
    if as_json:
        typer.echo(json.dumps(accuracy))
    else:
        from stargan_cli.cli.eval_tables import show_judge

        show_judge(accuracy)
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
            warn(f"{one['name']}: {one['unreadable']:,} pictures cannot be read and were left out")
    if as_json:
        typer.echo(json.dumps(document))
    else:
        from stargan_cli.cli.eval_tables import show_document

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
