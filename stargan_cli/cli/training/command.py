"""`stargan train`: make settings of the options, run the training, and say how it ended."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stargan_cli import launcher
from stargan_cli.cli.evaluation.of_training import evaluator
from stargan_cli.cli.messages import note
from stargan_cli.cli.options import DIR, FILE, CacheOption, DeviceOption, QuietOption, StandaloneOption, WorkersOption
from stargan_cli.cli.progress import show_progress
from stargan_cli.cli.setting_options import takes_settings
from stargan_cli.cli.signals import ignore_termination, interruptible
from stargan_cli.cli.training.durations import parse_duration
from stargan_cli.cli.training.voice import say_data, say_end, say_estimate
from stargan_cli.errors import StarganError, UsageError
from stargan_cli.progress import Say, unheard
from stargan_cli.settings import DATA, LOSSES, MACHINE, MODEL, RUN, TRAINING
from stargan_cli.train.recipe.presets import DEFAULT_PRESET, PRESETS
from stargan_cli.train.recipe.settings import TrainSettings

if TYPE_CHECKING:
    from stargan_cli.datasets.labelled import DataSet
    from stargan_cli.distributed import Processes
    from stargan_cli.labels import LabelLayout

PANELS = (DATA, TRAINING, MODEL, LOSSES, RUN, MACHINE)
PresetOption = Annotated[
    str | None,
    typer.Option(
        help="Settings to start from. "
        + " ".join(f"{name}: {preset.reason}." for name, preset in PRESETS.items())
        + f" By default {DEFAULT_PRESET}.",
        metavar="NAME",
        autocompletion=lambda: list(PRESETS),
        rich_help_panel=TRAINING,
    ),
]


@takes_settings(TrainSettings, {name: preset.changes for name, preset in PRESETS.items()}, PANELS)
def train(
    given: dict[str, Any],
    download: Annotated[
        bool,
        typer.Option(
            "--download",
            help="Downloads CelebA (1.4 GB; needs the extra celeba) into --root if it is missing.",
            rich_help_panel=DATA,
        ),
    ] = False,
    cache: CacheOption = None,
    preset: PresetOption = None,
    config: Annotated[
        Path | None,
        typer.Option(
            help="File of settings: TOML (Python 3.11 and newer) or a run's settings.json. Options override it.",
            rich_help_panel=TRAINING,
            **FILE,
        ),
    ] = None,
    scale_batch: Annotated[
        bool,
        typer.Option(
            "--scale-batch",
            help="Makes --batch-size the batch of each torchrun process, not of all together.",
            rich_help_panel=TRAINING,
        ),
    ] = False,
    run: Annotated[Path, typer.Option(help="Folder of the run.", rich_help_panel=RUN, **DIR)] = Path("runs/stargan"),
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Continues the run in --run from its newest checkpoint.", rich_help_panel=RUN),
    ] = False,
    max_time: Annotated[
        str | None,
        typer.Option(
            help="Stops with a checkpoint after this time, decoding included (45m, 2h, 1h30m).",
            metavar="TIME",
            rich_help_panel=RUN,
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Trains nothing: checks settings, labels and folders without opening pictures, estimates time and "
            "memory, and prints the settings that differ from the preset as TOML.",
            rich_help_panel=RUN,
        ),
    ] = False,
    device: DeviceOption = "auto",
    workers: WorkersOption = None,
    standalone: StandaloneOption = False,
    quiet: QuietOption = False,
) -> int:
    """Train a generator on CelebA, on folders of classes, or on several data sets together."""
    from stargan_cli.datasets.class_folders import refuse_inside
    from stargan_cli.distributed import joined
    from stargan_cli.train import run as training
    from stargan_cli.train.aliases import with_aliases_of_weights
    from stargan_cli.train.data import prepare

    started = time.monotonic()
    if standalone:
        launcher.forget()
    with joined(device, note) as processes, _heard_once(processes.local_rank):
        if scale_batch and resume:
            raise UsageError(
                "--scale-batch has no effect with --resume: a resumed run keeps its batch size", "leave it out"
            )
        deadline = started + (parse_duration(max_time) if max_time else float("inf"))
        quiet = quiet or not processes.first
        voice = note if processes.first else unheard
        preset, settings = _settings(run, resume, preset, config, given, unheard if quiet else note)
        if scale_batch:
            settings = replace(settings, batch_size=settings.batch_size * processes.count)
        with processes.local_first_first():
            sets, layout = _data(settings, download)
            if not resume:
                settings = with_aliases_of_weights(settings, layout)
            training.check(run, settings, layout, resume=resume, device=device, processes=processes)
            if cache is not None:
                refuse_inside(cache, "--cache", settings.data)
            if processes.first and (dry_run or not quiet):
                say_data(sets)
            evaluate = evaluator(settings, sets, device, cache, workers) if processes.first else None
            if dry_run:
                return _dry_run(preset, settings, sets, layout, device, processes, quiet)
            with show_progress("decoding", quiet=quiet) as progress:
                pictures = prepare(settings, sets, layout, cache=cache, workers=workers, progress=progress, say=voice)
                for text in pictures.framing_notes() if processes.first else ():  # where Ctrl-C ends it at once
                    (unheard if quiet or resume else note)(text)
        with (
            interruptible("stopping after this iteration; interrupt again to stop at once" * processes.first) as stop,
            show_progress("training", "iterations", quiet, deadline - time.monotonic()) as progress,
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
                say=voice,
                evaluate=evaluate,
            )
    if processes.first:
        say_end(outcome, settings.iterations, run)
    return stop.exit_code if outcome.reason == "stopped" else 0


def _settings(
    run: Path,
    resume: bool,
    preset: str | None,
    config: Path | None,
    given: dict[str, Any],
    say: Say,
) -> tuple[str, TrainSettings]:
    """The name of the preset that the settings started from, and the settings."""
    from stargan_cli.train.recipe.resolve import new_settings, resumed_settings

    if not resume:
        return new_settings(preset, config, given, say)
    for option, value in (("--preset", preset), ("--config", config)):
        if value is not None:
            raise UsageError(f"{option} and --resume exclude each other: a resumed run keeps its settings")
    return DEFAULT_PRESET, resumed_settings(run, given)


def _data(settings: TrainSettings, download: bool) -> tuple[list[DataSet], LabelLayout]:
    from stargan_cli.datasets.celeba_download import fetch_celeba
    from stargan_cli.train.data import load_data

    if download and "celeba" not in settings.data:
        raise UsageError("--download is for celeba, which is not among --data", "leave it out, or add --data celeba")
    if download and settings.root:
        fetch_celeba(Path(settings.root))
    return load_data(settings)


def _dry_run(
    preset: str,
    settings: TrainSettings,
    sets: list[DataSet],
    layout: LabelLayout,
    device: str,
    processes: Processes,
    quiet: bool,
) -> int:
    from stargan_cli.train.estimate import estimate_run
    from stargan_cli.train.recipe.config import as_toml

    if processes.first:
        with show_progress("estimating", "iterations", quiet) as progress:
            found = estimate_run(settings, sets, layout, device, processes, progress)
        say_estimate(found, settings.iterations)
        typer.echo(as_toml(settings, preset), nl=False)
    return 0


@contextmanager
def _heard_once(local_rank: int) -> Iterator[None]:
    """Let only the first process of a machine print a StarganError: all of them meet the same one."""
    try:
        yield
    except StarganError as error:
        if local_rank > 0:
            raise SystemExit(error.exit_code) from error  # no RuntimeError, which `joined` takes for a lost process
        raise
    except RuntimeError:  # another process was lost: torchrun now sends SIGTERM, but the reason must be printed first
        ignore_termination()
        raise
