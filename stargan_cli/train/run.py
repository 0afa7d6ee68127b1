"""One training run, from its data to its weights: the loop, and when it ends."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import torch

from stargan_cli.datasets.class_folders import refuse_inside
from stargan_cli.datasets.decoded_cache import CachedPictures
from stargan_cli.device import pick_device, pick_precision, tune_for_training
from stargan_cli.distributed import ALONE, Processes
from stargan_cli.errors import UsageError
from stargan_cli.files.writable import require_place
from stargan_cli.labels import LabelLayout
from stargan_cli.model import Discriminator, Generator
from stargan_cli.model_settings import ModelSettings
from stargan_cli.progress import Progress, Say, silent, unheard
from stargan_cli.settings import declared
from stargan_cli.train.aliases import check_aliases
from stargan_cli.train.data import TrainingData
from stargan_cli.train.evaluations import Evaluate
from stargan_cli.train.initialise import initialise
from stargan_cli.train.learning.batches import BatchSource
from stargan_cli.train.learning.feature_discriminator import FeatureDiscriminator
from stargan_cli.train.learning.trainer import Trainer
from stargan_cli.train.log import require_board
from stargan_cli.train.recipe.networks import NetworkChoice
from stargan_cli.train.recipe.settings import TrainSettings
from stargan_cli.train.run_folder import RunFolder, refuse_earlier_run, refuse_folders
from stargan_cli.train.session import Session
from stargan_cli.weights.files import load, require_utf8


@dataclass(frozen=True)
class RunEnd:
    """How a run ended: at which iteration, how many of them this call `did`, why (`finished`, `time`, `stopped`), where
    its weights are, and the seconds that this call took."""

    iteration: int
    did: int
    reason: str
    weights: Path
    seconds: float


def model_settings(settings: TrainSettings, layout: LabelLayout) -> ModelSettings:
    """The networks that a run trains. Raises UsageError where they cannot be built."""
    networks = {name: getattr(settings, name) for name in declared(NetworkChoice)}
    try:
        return ModelSettings(label_dim=layout.label_dim, class_dim=layout.class_dim, **networks)
    except ValueError as error:
        raise UsageError(str(error), "check --image-size, --width and --discriminator-layers") from error


def make_trainer(
    settings: TrainSettings,
    layout: LabelLayout,
    pictures: Sequence[CachedPictures],
    device: torch.device,
    precision: torch.dtype,
    processes: Processes = ALONE,
    warn: Say = unheard,
) -> Trainer:
    """A trainer at iteration 0, which takes batches of these pictures, one element for each set of the layout."""
    tune_for_training(device)
    sources = [
        BatchSource(one, settings.batch_size, settings.seed + index, settings.balance)
        for index, one in enumerate(pictures)
    ]
    return Trainer(model_settings(settings, layout), layout, sources, settings, device, precision, processes, warn)


def _place(settings: TrainSettings, device: str, processes: Processes) -> tuple[torch.device, torch.dtype]:
    """The device and the precision of a run. Raises UsageError where they are not available."""
    where = pick_device(device)
    if settings.compiled and where.type != "cuda":
        raise UsageError(
            f"--compile is for CUDA, and this run is on {where.type}",
            "give --no-compile: on a CPU, stargan's own layers are as fast",
        )
    return where, pick_precision(settings.precision, where)


def check(
    run: Path,
    settings: TrainSettings,
    layout: LabelLayout,
    *,
    resume: bool = False,
    device: str = "auto",
    processes: Processes = ALONE,
) -> None:
    """Refuse what `train` would refuse, before pictures are decoded for it. Raises UsageError and WeightsError."""
    check_aliases(settings.aliases, layout)
    model = model_settings(settings, layout)
    _place(settings, device, processes)
    if settings.log == "tensorboard":
        require_board()
    features = FeatureDiscriminator(model.class_dim) if settings.lambda_features else None
    processes.check_batch(settings.batch_size)
    require_place(run, "allow writing there" if resume else "choose another --run")
    refuse_folders(run)
    require_utf8(run)
    refuse_inside(run, "--run", settings.data)
    if not resume:
        settings.refuse_without_effect()
        refuse_earlier_run(run)
        if settings.init_from:
            networks = Generator(model), Discriminator(model), features.heads if features else None
            initialise(*networks, layout, load(settings.init_from), whole=settings.distil)


def train(
    run: Path,
    settings: TrainSettings,
    data: TrainingData,
    *,
    resume: bool = False,
    deadline: float = math.inf,
    device: str = "auto",
    processes: Processes = ALONE,
    stop: Callable[[], bool] = lambda: False,
    progress: Progress = silent,
    say: Say = unheard,
    evaluate: Evaluate | None = None,
) -> RunEnd:
    """Train into the folder `run`, from the start or, with `resume`, from its newest intact checkpoint.

    Ends at `settings.iterations`, at `deadline` (in seconds of `time.monotonic`), or soon after `stop` is true; always
    with a checkpoint, and with the averaged generator in `run/weights.safetensors`. Of several processes the first
    writes. `say` gets warnings; `evaluate` measures weights every `settings.eval_every` iterations. Raises UsageError,
    DataError, and TrainingError where losses are not finite or nothing can be written.
    """
    start = time.monotonic()
    where, precision = _place(settings, device, processes)
    with ExitStack() as stack:
        folder = stack.enter_context(RunFolder(run)) if processes.first else None
        if folder is not None and not resume:
            refuse_earlier_run(run)
        trainer = make_trainer(settings, data.layout, data.train, where, precision, processes, say)
        session = Session(folder, settings, trainer, data, say, evaluate, stop, deadline) if folder else None
        if session is not None:
            session.begin(resume)
        if processes.count > 1:
            trainer.load_state(*processes.share(trainer.state(), trainer.iteration))
        first = trainer.iteration
        reason = _loop(trainer, session, deadline, stop, progress)
        if session is not None:
            session.finish()
        did = trainer.iteration - first
        return RunEnd(trainer.iteration, did, reason, run / "weights.safetensors", time.monotonic() - start)


GO_ON, WITH_ROW, FINISHED, TIME, STOPPED = range(5)
REASONS = {FINISHED: "finished", TIME: "time", STOPPED: "stopped"}


def _loop(
    trainer: Trainer, session: Session | None, deadline: float, stop: Callable[[], bool], progress: Progress
) -> str:
    """Iterate until the run ends; return why. All processes agree on that, and on which iterations write a row."""
    settings, processes = trainer.settings, trainer.processes
    losses, row = {}, True
    while (agreed := processes.most(_vote(trainer, session, deadline, stop))) not in REASONS:
        losses = trainer.iterate()
        row = agreed == WITH_ROW or trainer.iteration == 1 or trainer.iteration % settings.log_every == 0
        if row:
            losses = processes.mean(losses, trainer.share)
        if session is not None:
            session.after(losses if row else {}, progress)
    if not row:
        losses = processes.mean(losses, trainer.share)
        if session is not None:
            session.write_row(losses)
    return REASONS[agreed]


def _vote(trainer: Trainer, session: Session | None, deadline: float, stop: Callable[[], bool]) -> int:
    """What this process would do next. The largest vote of all processes decides."""
    finished = trainer.iteration >= trainer.settings.iterations
    if finished and not (session is not None and session.owes_evaluation):
        return FINISHED
    if stop():
        return STOPPED
    if time.monotonic() > deadline:
        return TIME
    if finished:
        return FINISHED
    return WITH_ROW if session is not None and session.rows.overdue else GO_ON
