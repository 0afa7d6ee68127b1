"""`stargan train`: options in, settings resolved and shown, one run, its end in words."""

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

from stargan_cli.cli.messages import say, shown
from stargan_cli.cli.options import DeviceOption, QuietOption, WorkersOption
from stargan_cli.cli.progress import show_progress
from stargan_cli.cli.signals import ignore_termination, interruptible
from stargan_cli.cli.train_settings import parse_duration, resolve_settings
from stargan_cli.errors import StarganError

DATA, MODEL, LOSS, TRAINING, RUN, MACHINE = "Data", "Model", "Losses", "Training", "Run", "Machine"


def _number(panel: str, text: str, **limits: Any) -> Any:
    return typer.Option(help=text, rich_help_panel=panel, show_default=False, **limits)


def train(
    context: typer.Context,
    data: Annotated[
        list[str] | None,
        typer.Option(
            help="celeba, or a folder with one folder of pictures per class; several times to join data sets.",
            rich_help_panel=DATA,
        ),
    ] = None,
    root: Annotated[
        Path | None, typer.Option(help="Where CelebA lies (torchvision's layout).", rich_help_panel=DATA)
    ] = None,
    download: Annotated[
        bool,
        typer.Option("--download", help="Fetch CelebA into --root first, where it is missing.", rich_help_panel=DATA),
    ] = False,
    attrs: Annotated[
        str | None,
        typer.Option(help="CelebA attributes, comma separated.", metavar="NAME,NAME,…", rich_help_panel=DATA),
    ] = None,
    group: Annotated[
        list[str] | None,
        typer.Option(
            help="Attributes of which one at most is on (hair colours are known); or one name for a set of classes.",
            metavar="NAME,NAME,…",
            rich_help_panel=DATA,
        ),
    ] = None,
    alias: Annotated[
        list[str] | None,
        typer.Option(
            help="Another word for an attribute or class, which --set will understand.",
            metavar="WORD=NAME",
            rich_help_panel=DATA,
        ),
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="official (CelebA's partition) or reference (seed 1234).", rich_help_panel=DATA)
    ] = None,
    mix: Annotated[
        str | None,
        typer.Option(help="Turns of each data set per iteration, such as 2,1.", metavar="N,N", rich_help_panel=DATA),
    ] = None,
    balance: Annotated[
        bool | None,
        typer.Option("--balance/--no-balance", help="Draw rare label combinations more often.", rich_help_panel=DATA),
    ] = None,
    weigh_classes: Annotated[
        bool | None,
        typer.Option(
            "--weigh-classes/--no-weigh-classes",
            help="With --balance: D learns labels as often as the data shows them.",
            rich_help_panel=DATA,
        ),
    ] = None,
    cache: Annotated[
        Path | None, typer.Option(help="Folder for decoded pictures.", metavar="DIR", rich_help_panel=DATA)
    ] = None,
    preset: Annotated[
        str, typer.Option(help="paper, small, fast: where every other option starts.", rich_help_panel=TRAINING)
    ] = "paper",
    iterations: Annotated[int | None, _number(TRAINING, "D steps in all (paper: 200000).")] = None,
    batch_size: Annotated[int | None, _number(TRAINING, "Pictures a step.")] = None,
    scale_batch: Annotated[
        bool,
        typer.Option(
            "--scale-batch",
            help="Let --batch-size be each process's (torchrun), not that of all together.",
            rich_help_panel=TRAINING,
        ),
    ] = False,
    lr: Annotated[float | None, _number(TRAINING, "Learning rate of G.")] = None,
    d_lr: Annotated[float | None, _number(TRAINING, "Learning rate of D.")] = None,
    beta1: Annotated[float | None, _number(TRAINING, "Adam's first decay.")] = None,
    beta2: Annotated[float | None, _number(TRAINING, "Adam's second decay.")] = None,
    n_critic: Annotated[int | None, _number(TRAINING, "D steps per G step.")] = None,
    head_start: Annotated[
        int | None, _number(TRAINING, "Iterations that train D alone, before G's first step.")
    ] = None,
    own_share: Annotated[float | None, _number(TRAINING, "Share of the targets that are the own label.")] = None,
    single_share: Annotated[
        float | None, _number(TRAINING, "Share of the targets that differ from the own label in one thing alone.")
    ] = None,
    keep_unset: Annotated[
        bool | None,
        typer.Option(
            "--keep-unset/--no-keep-unset",
            help="Targets without a hair colour (or other group) keep the picture's own; G is told what does "
            "not change as `translate` tells it.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    ema: Annotated[float | None, _number(TRAINING, "Decay of G's moving average.")] = None,
    seed: Annotated[int | None, _number(TRAINING, "Seed of everything random.")] = None,
    flip: Annotated[
        bool | None, typer.Option("--flip/--no-flip", help="Mirror half of the pictures.", rich_help_panel=TRAINING)
    ] = None,
    jitter: Annotated[float | None, _number(TRAINING, "Shift, scale and turn training pictures by up to this.")] = None,
    view_jitter: Annotated[float | None, _number(TRAINING, "The same for whatever D sees, real and fake.")] = None,
    view_zoom: Annotated[
        float | None, _number(TRAINING, "D sees a square from anywhere, its side smaller by up to this share.")
    ] = None,
    view_noise: Annotated[float | None, _number(TRAINING, "Noise on whatever D sees (standard deviation).")] = None,
    init_from: Annotated[
        str | None, typer.Option(help="Weights to start from.", metavar="WEIGHTS", rich_help_panel=TRAINING)
    ] = None,
    image_size: Annotated[int | None, _number(MODEL, "Side of the pictures in pixels.")] = None,
    width: Annotated[int | None, _number(MODEL, "Channels of G's first layer.")] = None,
    blocks: Annotated[int | None, _number(MODEL, "Residual blocks of G.")] = None,
    discriminator_width: Annotated[int | None, _number(MODEL, "Channels of D's first layer.")] = None,
    discriminator_layers: Annotated[int | None, _number(MODEL, "Layers of D; each halves the picture.")] = None,
    output: Annotated[str | None, _number(MODEL, "tanh (paper) or attention (a mask says what changes).")] = None,
    upsampling: Annotated[str | None, _number(MODEL, "transposed (paper) or resize (no checkerboard).")] = None,
    projection: Annotated[
        bool | None,
        typer.Option("--projection/--no-projection", help="Let D judge patches against labels.", rich_help_panel=MODEL),
    ] = None,
    downscale: Annotated[
        int | None, _number(MODEL, "Work on pictures made smaller by this; only what changes is enlarged.")
    ] = None,
    adversarial: Annotated[str | None, _number(LOSS, "wgan-gp (paper) or nonsaturating (with R1).")] = None,
    lambda_cls: Annotated[float | None, _number(LOSS, "Weight of the domain classification.")] = None,
    lambda_rec: Annotated[float | None, _number(LOSS, "Weight of the reconstruction.")] = None,
    lambda_gp: Annotated[float | None, _number(LOSS, "Weight of the gradient penalty.")] = None,
    lambda_id: Annotated[float | None, _number(LOSS, "Weight of changes where the target is the own label.")] = None,
    penalty_every: Annotated[int | None, _number(LOSS, "Gradient penalty in every so many iterations.")] = None,
    run: Annotated[Path, typer.Option(help="Folder of the run.", metavar="DIR", rich_help_panel=RUN)] = Path(
        "runs/stargan"
    ),
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in --run, exactly.", rich_help_panel=RUN)
    ] = False,
    max_time: Annotated[
        str | None, typer.Option(help="Stop cleanly after 45m, 2h, 1h30m, ...", metavar="TIME", rich_help_panel=RUN)
    ] = None,
    log_every: Annotated[int | None, _number(RUN, "Iterations between rows of the log.")] = None,
    sample_every: Annotated[int | None, _number(RUN, "Iterations between sample grids.")] = None,
    checkpoint_every: Annotated[int | None, _number(RUN, "Iterations between checkpoints.")] = None,
    keep: Annotated[int | None, _number(RUN, "Checkpoints kept.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check the data, show the settings, and leave.", rich_help_panel=RUN)
    ] = False,
    precision: Annotated[str | None, _number(MACHINE, "auto, fp32 or bf16.")] = None,
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
    settings = resolve_settings(context, run, resume, preset)
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


def _note(text: str) -> None:
    say(f"note: {shown(text)}")


def _silent(text: str) -> None:
    pass


def _say_end(outcome: Any, iterations: int, run: Path) -> None:
    say(f"iteration {outcome.iteration:,} of {iterations:,} ({outcome.reason}): {shown(outcome.weights)}")
    if outcome.reason != "finished":
        say(f"go on with: stargan train --run {shlex.quote(str(run))} --resume")


def _download(root: Path) -> None:
    from stargan_cli.datasets.celeba import celeba_folder, download_celeba
    from stargan_cli.errors import DataError

    try:
        celeba_folder(root)
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
