"""`stargan train`: options become settings, one run, its end in words."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from stargan_cli.cli.durations import parse_duration
from stargan_cli.cli.messages import say, shown
from stargan_cli.cli.options import CacheOption, DeviceOption, QuietOption, WorkersOption
from stargan_cli.cli.progress import show_progress
from stargan_cli.cli.setting_options import takes_settings
from stargan_cli.cli.signals import ignore_termination, interruptible
from stargan_cli.datasets.choice import DATA
from stargan_cli.errors import StarganError, UsageError
from stargan_cli.train.networks import MODEL
from stargan_cli.train.objective import LOSSES
from stargan_cli.train.presets import PRESETS
from stargan_cli.train.presets import preset as preset_settings
from stargan_cli.train.settings import MACHINE, RUN, TRAINING, TrainSettings

PANELS = (DATA, TRAINING, MODEL, LOSSES, RUN, MACHINE)
Preset = Annotated[
    str | None,
    typer.Option(
        help="Settings to start from. "
        + " ".join(f"{name}: {preset.reason}." for name, preset in PRESETS.items())
        + " By default paper.",
        metavar="|".join(PRESETS),
        autocompletion=lambda: list(PRESETS),
        rich_help_panel=TRAINING,
    ),
]


@takes_settings(TrainSettings, "given", {name: preset.changes for name, preset in PRESETS.items()}, PANELS)
def train(
    given: dict[str, Any],
    download: Annotated[
        bool, typer.Option("--download", help="Fetches CelebA into --root if it is not there.", rich_help_panel=DATA)
    ] = False,
    cache: CacheOption = None,
    preset: Preset = None,
    scale_batch: Annotated[
        bool,
        typer.Option(
            "--scale-batch",
            help="Makes --batch-size that of each process of torchrun, in place of all together.",
            rich_help_panel=TRAINING,
        ),
    ] = False,
    run: Annotated[Path, typer.Option(help="Folder of the run.", metavar="DIR", rich_help_panel=RUN)] = Path(
        "runs/stargan"
    ),
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Continues the run in --run from its newest checkpoint.", rich_help_panel=RUN),
    ] = False,
    max_time: Annotated[
        str | None,
        typer.Option(
            help="Ends the call with a checkpoint after this time (45m, 2h, 1h30m).",
            metavar="TIME",
            rich_help_panel=RUN,
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Checks the data, shows the settings, and trains nothing.", rich_help_panel=RUN),
    ] = False,
    device: DeviceOption = "auto",
    workers: WorkersOption = None,
    quiet: QuietOption = False,
) -> int:
    """Train a generator on CelebA, on folders of classes, or on several data sets together."""
    from stargan_cli.distributed import joined
    from stargan_cli.train import data as training_data
    from stargan_cli.train import run as training

    seconds = parse_duration(max_time) if max_time else float("inf")
    deadline = time.monotonic() + seconds
    settings = _resolved(run, resume, preset, given)
    with joined(device) as processes, _heard_once(processes.local_rank):
        if scale_batch and not resume:
            settings = replace(settings, batch_size=settings.batch_size * processes.count)
        quiet = quiet or not processes.first
        note = _silent if not processes.first else _note
        with processes.local_first_first():
            if download and "celeba" in settings.data:
                _download(Path(settings.root or "data"))
            sets, layout = training_data.load_data(settings)
            training.check(run, settings, layout, resume=resume, device=device, processes=processes)
            if processes.first and (dry_run or not quiet):
                _describe(sets)
            if dry_run:
                if processes.first:
                    typer.echo(json.dumps(settings.to_dict(), indent=2))
                return 0
            with show_progress("decoding", quiet=quiet) as progress:
                pictures = training_data.prepare(
                    settings, sets, layout, cache=cache, workers=workers, progress=progress, say=note
                )
        with (
            interruptible("stopping after this iteration; once more to stop at once" * processes.first) as stop,
            show_progress("training", unit="iterations", quiet=quiet) as progress,
        ):
            outcome = training.train(
                run,
                settings,
                pictures,
                resume=resume,
                deadline=deadline,
                device=device,
                processes=processes,
                stop=stop,
                progress=progress,
                say=note,
            )
    if processes.first:
        _say_end(outcome, settings.iterations, run)
    return stop.exit_code if outcome.reason == "stopped" else 0


def _resolved(run: Path, resume: bool, preset: str | None, given: dict[str, Any]) -> TrainSettings:
    """The preset, or with --resume the run's own settings, with the options that were given."""
    from stargan_cli.train import run_folder

    if not resume:
        return preset_settings(preset or "paper", **given)
    if preset is not None:
        raise UsageError("--preset and --resume exclude each other: a resumed run keeps its settings")
    return run_folder.changed(run_folder.read_settings(run), **given)


def _note(text: str) -> None:
    say(f"note: {shown(text)}")


def _silent(text: str) -> None:
    pass


def _say_end(outcome: Any, iterations: int, run: Path) -> None:
    say(f"iteration {outcome.iteration:,} of {iterations:,} ({outcome.reason}): {shown(outcome.weights)}")
    if outcome.reason != "finished":
        say(f"go on with: stargan train --run {shlex.quote(str(run))} --resume")


def _download(root: Path) -> None:
    from stargan_cli.datasets.celeba import download_celeba
    from stargan_cli.datasets.celeba_files import find_celeba
    from stargan_cli.errors import DataError

    try:
        find_celeba(root)
    except DataError:
        download_celeba(root)


def _describe(sets: list[Any]) -> None:
    """Which pictures there are: what turns up here wrong turns up wrong in every result."""
    owners: dict[str, list[str]] = {}
    for parts in sets:
        label_set = parts["train"].label_set
        say(f"{shown(label_set.name)}: " + ", ".join(f"{len(part):,} {name}" for name, part in parts.items()))
        say("  " + ", ".join(f"{shown(name)} {count:,}" for name, count in parts["train"].counts().items()))
        for note in dict.fromkeys(note for part in parts.values() for note in part.notes):
            say(f"  note: {shown(note)}")
        for name in label_set.attributes:
            owners.setdefault(name, []).append(label_set.name)
    for name, names in owners.items():
        if len(names) > 1:
            choices = " or ".join(f"{owner}:{name}" for owner in names)
            say(f"note: {shown(name)} is in {len(names)} sets; --set takes {shown(choices)}")


@contextmanager
def _heard_once(local_rank: int) -> Iterator[None]:
    """Of the processes of one machine, which stumble over the same things, the first one speaks."""
    try:
        yield
    except StarganError as error:
        if local_rank > 0:
            raise typer.Exit(error.exit_code) from error
        raise
    except RuntimeError:  # where another process is lost: torchrun ends this one now, and why is to be said before
        ignore_termination()
        raise
