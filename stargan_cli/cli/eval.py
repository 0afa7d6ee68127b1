"""`stargan eval`: measure weights on real pictures, or fit the classifier that judges them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from stargan_cli.cli.messages import say, shown
from stargan_cli.cli.options import DeviceOption, JsonOption, QuietOption, SeedOption, WeightsOption, WorkersOption
from stargan_cli.cli.progress import show_progress
from stargan_cli.errors import UsageError


def evaluate(
    weights: WeightsOption = "celeba-128",
    data: Annotated[
        list[str] | None,
        typer.Option(
            help="celeba, or a folder with one folder of pictures per class; several for joint weights.",
            rich_help_panel="Data",
        ),
    ] = None,
    root: Annotated[
        Path | None, typer.Option(help="Where CelebA lies (torchvision's layout).", rich_help_panel="Data")
    ] = None,
    split: Annotated[
        str, typer.Option(help="official (CelebA's partition) or reference (seed 1234).", rich_help_panel="Data")
    ] = "official",
    limit: Annotated[
        int | None, typer.Option(min=1, help="At most so many test pictures, for a quick look.", rich_help_panel="Data")
    ] = None,
    cache: Annotated[
        Path | None, typer.Option(help="Folder for decoded pictures.", metavar="DIR", rich_help_panel="Data")
    ] = None,
    classifier: Annotated[
        list[Path] | None,
        typer.Option(
            help="The judge's file; several where the weights have several label sets.",
            metavar="FILE",
            rich_help_panel="Judge",
        ),
    ] = None,
    fit_classifier: Annotated[
        bool,
        typer.Option(
            "--fit-classifier", help="Train a judge on real pictures, into --classifier.", rich_help_panel="Judge"
        ),
    ] = False,
    attrs: Annotated[
        str | None,
        typer.Option(help="Attributes the judge learns.", metavar="NAME,NAME,…", rich_help_panel="Judge"),
    ] = None,
    init: Annotated[
        Path | None,
        typer.Option(help="ImageNet weights of torchvision's ResNet-18 to start from.", rich_help_panel="Judge"),
    ] = None,
    epochs: Annotated[int, typer.Option(min=1, help="Most epochs of training.", rich_help_panel="Judge")] = 8,
    judge_size: Annotated[
        int, typer.Option(min=32, help="Side of the pictures that the judge sees.", rich_help_panel="Judge")
    ] = 96,
    batch_size: Annotated[int, typer.Option(min=1, help="Pictures at once.", rich_help_panel="Machine")] = 16,
    precision: Annotated[
        str, typer.Option(help="auto, fp32 or bf16 (fp32 is what makes numbers comparable).", rich_help_panel="Machine")
    ] = "fp32",
    device: DeviceOption = "auto",
    workers: WorkersOption = None,
    seed: SeedOption = 0,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> int:
    """Measure weights: how often a judge sees the change, what stays as it was."""
    from stargan_cli.data.cache import default_cache_folder

    sets = tuple(data or ("celeba",))
    judges = tuple(
        classifier or [default_cache_folder() / f"classifier-{Path(name).name}.safetensors" for name in sets]
    )
    if fit_classifier:
        if len(sets) != 1 or len(judges) != 1:
            raise UsageError("a classifier is fitted on one data set", "give --data and --classifier once")
        from stargan_cli.tasks.fitting import FitSettings, fit_and_save

        names = tuple(name.strip() for name in (attrs or "").split(",") if name.strip())
        fitting = FitSettings(judge_size, epochs, seed=seed, init=init, device=device, precision=precision)
        with show_progress("fitting", unit="steps", quiet=quiet) as progress:
            accuracy = fit_and_save(judges[0], sets[0], root, names, split, cache, workers, fitting, progress)
        typer.echo(json.dumps(accuracy, indent=None if as_json else 2))
        say(f"written: {shown(judges[0])}")
        return 0

    from stargan_cli.tasks.evaluation import EvalSettings
    from stargan_cli.tasks.evaluation import evaluate as run

    settings = EvalSettings(
        sets, root, split, "test", judges, limit, batch_size, workers, device, precision, cache, seed
    )
    with show_progress("measuring", quiet=quiet) as progress:
        document = run(weights, settings, progress)
    if as_json:
        typer.echo(json.dumps(document))
    else:
        from stargan_cli.cli.eval_tables import show_document

        show_document(document)
    return 0
