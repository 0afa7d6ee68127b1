"""One training run: its folder, its loop, its samples, and how it goes on after it was stopped."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from stargan_cli import __version__
from stargan_cli.attributes import LabelLayout
from stargan_cli.data.batches import BatchSource
from stargan_cli.data.cache import CachedPictures, cached
from stargan_cli.data.celeba import LANDMARKS
from stargan_cli.data.datasets import load, without_shared_pictures
from stargan_cli.data.labelled import DataSet
from stargan_cli.device import cpu_count, pick_device, pick_precision
from stargan_cli.errors import DataError, TrainingError, UsageError
from stargan_cli.model import ModelSettings
from stargan_cli.progress import Progress, silent
from stargan_cli.tasks.checkpoints import latest_checkpoint, save_checkpoint
from stargan_cli.tasks.initialise import initialise
from stargan_cli.tasks.run_log import RunLog
from stargan_cli.tasks.samples import save_grid
from stargan_cli.tasks.trainer import Trainer
from stargan_cli.tasks.training_settings import TrainSettings
from stargan_cli.weights import Card
from stargan_cli.weights import load as load_weights
from stargan_cli.weights import save as save_weights

SAMPLE_ROWS = 8


@dataclass(frozen=True)
class Outcome:
    """How a run ended: at which iteration, why (`finished`, `time`, `stopped`), and where its weights lie."""

    iteration: int
    reason: str
    weights: Path
    seconds: float


def load_data(settings: TrainSettings) -> tuple[list[DataSet], LabelLayout]:
    """All data sets of a run and where their labels stand. Raises DataError and UsageError."""
    root = Path(settings.root) if settings.root else None
    sets = [load(source, root, settings.attributes, settings.groups, settings.split) for source in settings.data]
    names = [parts["train"].label_set.name for parts in sets]
    if len(set(names)) < len(names):
        raise DataError(f"two data sets have the same name: {', '.join(names)}", "rename a folder, or give one only")
    sets = without_shared_pictures(sets)
    for parts in sets:
        empty = [name for name, count in parts["train"].counts().items() if count == 0]
        if empty:
            raise DataError(
                f"{parts['train'].label_set.name}: no training picture shows {', '.join(empty)}",
                "choose other --attrs, or add pictures",
            )
    return sets, LabelLayout(tuple(parts["train"].label_set for parts in sets))


def model_settings(settings: TrainSettings, layout: LabelLayout) -> ModelSettings:
    """The networks that a run trains. Raises UsageError where they cannot be built."""
    try:
        return ModelSettings(
            image_size=settings.image_size,
            label_dim=layout.label_dim,
            class_dim=layout.class_dim,
            width=settings.width,
            blocks=settings.blocks,
            discriminator_width=settings.discriminator_width,
            discriminator_layers=settings.discriminator_layers,
            output=settings.output,
            upsampling=settings.upsampling,
            projection=settings.projection,
        )
    except ValueError as error:
        raise UsageError(str(error), "check --image-size, --width and --discriminator-layers") from error


def read_settings(run: Path) -> TrainSettings:
    """The settings of a run that exists. Raises UsageError."""
    path = run / "settings.json"
    try:
        return TrainSettings.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise UsageError(f"no run to resume in {run}", "start one without --resume") from error
    except (ValueError, TypeError, OSError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error


def train(
    run: Path,
    settings: TrainSettings,
    *,
    resume: bool = False,
    max_seconds: float = math.inf,
    device: str = "auto",
    cache: Path | None = None,
    workers: int | None = None,
    stop: Callable[[], bool] = lambda: False,
    progress: Progress = silent,
    decoding: Progress = silent,
    say: Callable[[str], None] = lambda text: None,
) -> Outcome:
    """Train into the folder `run`, from the start or, with `resume`, from its newest checkpoint that is whole.

    Ends at `settings.iterations`, after `max_seconds`, or soon after `stop` says so; each time with a checkpoint and
    with the averaged generator in `run/weights.safetensors`. `say` gets warnings, `decoding` the building of the
    cache. Raises UsageError, DataError, and TrainingError where losses are no numbers or nothing can be written.
    """
    start = time.monotonic()
    if not resume and any((run / "checkpoints").glob("*.safetensors")):
        raise UsageError(f"{run} holds a run already", "go on with --resume, or choose another --run")
    sets, layout = load_data(settings)
    pictures = {
        part: [_cached(parts, part, settings, cache, workers, decoding, say) for parts in sets]
        for part in ("train", "validation")
    }
    where = pick_device(device)
    sources = [
        BatchSource(source, settings.batch_size, settings.seed + index, settings.balance)
        for index, source in enumerate(pictures["train"])
    ]
    trainer = Trainer(
        model_settings(settings, layout), layout, sources, settings, where, pick_precision(settings.precision, where)
    )
    session = _Session(run, settings, trainer, [source.labelled.fingerprint() for source in pictures["train"]], say)
    session.begin(resume)
    reason = "finished"
    while trainer.iteration < settings.iterations:
        if stop() or time.monotonic() - start > max_seconds:
            reason = "stopped" if stop() else "time"
            break
        losses = trainer.iterate()
        session.after(losses, pictures["validation"], progress)
    session.save(final=True)
    return Outcome(trainer.iteration, reason, run / "weights.safetensors", time.monotonic() - start)


def _cached(
    parts: DataSet,
    part: Any,
    settings: TrainSettings,
    folder: Path | None,
    workers: int | None,
    progress: Progress,
    say: Callable[[str], None],
) -> CachedPictures:
    labelled = parts[part]
    if part == "validation":
        labelled = labelled.select(list(range(0, len(labelled), max(1, len(labelled) // SAMPLE_ROWS)))[:SAMPLE_ROWS])
    result = cached(labelled, settings.image_size, folder, workers or cpu_count(), progress)
    if result.unreadable:
        file, why = next(iter(result.unreadable.items()))
        say(f"{len(result.unreadable):,} pictures of {labelled.label_set.name} cannot be read, such as {file}: {why}")
    return result


class _Session:
    """What a run writes: log, samples, checkpoints, weights."""

    def __init__(
        self, run: Path, settings: TrainSettings, trainer: Trainer, data: list[str], say: Callable[[str], None]
    ) -> None:
        self.run, self.settings, self.trainer, self.data, self.say = run, settings, trainer, data, say
        self.log = RunLog(run / "log.jsonl")
        self.saved = -1
        self.trained_seconds = 0.0
        self.mark = time.monotonic()

    def begin(self, resume: bool) -> None:
        checkpoint, complaints = latest_checkpoint(self.run / "checkpoints") if resume else (None, [])
        for complaint in complaints:
            self.say(complaint)
        if resume and checkpoint is None and complaints:
            raise TrainingError(f"no checkpoint in {self.run} is whole", "start a new run with --init-from")
        self._write_settings()
        if checkpoint is not None:
            if checkpoint.record["data"] != self.data:
                raise DataError(
                    f"the training data is not what {self.run} was trained on: pictures or labels changed",
                    f"restore the data, or start a new run with --init-from {self.run / 'weights.safetensors'}",
                )
            try:
                self.trainer.load_state(checkpoint.tensors, checkpoint.record["iteration"])
            except (KeyError, RuntimeError) as error:
                raise UsageError(f"{checkpoint.path} does not fit the settings of the run: {error}") from error
            self.saved = self.trainer.iteration
            self.trained_seconds = float(checkpoint.record.get("seconds", 0.0))
        elif self.settings.init_from:
            weights = load_weights(self.settings.init_from)
            trainer = self.trainer
            for note in initialise(trainer.generator, trainer.discriminator, trainer.layout, weights):
                self.say(note)
            trainer.ema.load_state_dict(trainer.generator.state_dict())
        self.log.keep_until(self.trainer.iteration)
        self.mark = time.monotonic()

    def after(self, losses: dict[str, Tensor], held_out: list[CachedPictures], progress: Progress) -> None:
        """Whatever is due after an iteration."""
        iteration = self.trainer.iteration
        if iteration % self.settings.log_every == 0:
            numbers = {name: value.item() for name, value in losses.items()}
            self._check(numbers)
            self.log.write({"iteration": iteration, "seconds": round(self._seconds(), 2), **numbers}, self.say)
            note = "  ".join(f"{name} {value:.3g}" for name, value in numbers.items())
            progress(iteration, self.settings.iterations, note)
        else:
            progress(iteration, self.settings.iterations, "")
        if iteration % self.settings.sample_every == 0:
            self._sample(held_out)
        if iteration % self.settings.checkpoint_every == 0:
            self.save()

    def save(self, final: bool = False) -> None:
        """A checkpoint, and the weights to use. A disk that is full is an error at the end only."""
        trainer = self.trainer
        if self.saved == trainer.iteration and (self.run / "weights.safetensors").is_file():
            return
        state = trainer.state()
        broken = [name for name, tensor in state.items() if not bool(torch.isfinite(tensor).all())]
        if broken:
            raise self._not_finite(broken[0])
        record = {"settings": self.settings.to_dict(), "data": self.data, "seconds": self._seconds()}
        try:
            save_checkpoint(self.run / "checkpoints", trainer.iteration, state, record, self.settings.keep)
            save_weights(
                self.run / "weights.safetensors",
                self._card(),
                trainer.ema.state_dict(),
                trainer.discriminator.state_dict(),
            )
        except OSError as error:
            if final:
                raise TrainingError(
                    f"the checkpoint of iteration {trainer.iteration:,} could not be written: {error}",
                    "make room and go on with --resume; the checkpoints before it are kept",
                ) from error
            self.say(f"the checkpoint of iteration {trainer.iteration:,} could not be written ({error}); going on")
            return
        self.saved = trainer.iteration

    def _seconds(self) -> float:
        """Time spent in this run's loop, over all its resumptions."""
        now = time.monotonic()
        self.trained_seconds += now - self.mark
        self.mark = now
        return self.trained_seconds

    def _card(self) -> Card:
        faces = {"landmarks": LANDMARKS} if "celeba" in self.settings.data else {}
        return Card(
            model=self.trainer.model,
            layout=self.trainer.layout,
            preprocessing={"crop": "centre", "resize": "bilinear", **faces},
            training={
                "program": f"stargan {__version__}",
                "iterations": self.trainer.iteration,
                "hours": round(self._seconds() / 3600, 2),
                "pictures": {s.pictures.labelled.label_set.name: len(s.pictures) for s in self.trainer.sources},
                "settings": self.settings.to_dict(),
            },
        )

    def _sample(self, held_out: list[CachedPictures]) -> None:
        for index, pictures in enumerate(held_out):
            pixels, labels = pictures.batch(torch.arange(len(pictures)))
            path = self.run / "samples" / f"{self.trainer.iteration:08d}-{pictures.labelled.label_set.name}.png"
            try:
                save_grid(path, self.trainer.ema, pixels, labels.float(), self.trainer.layout, index)
            except OSError as error:
                self.say(f"the sample grid {path} could not be written ({error}); going on")

    def _check(self, numbers: dict[str, float]) -> None:
        for name, value in numbers.items():
            if not math.isfinite(value):
                raise self._not_finite(f"the loss {name}")

    def _not_finite(self, what: str) -> TrainingError:
        last = f"the checkpoint of iteration {self.saved:,} is kept" if self.saved >= 0 else "no checkpoint exists yet"
        return TrainingError(
            f"iteration {self.trainer.iteration:,}: {what} is no longer a finite number; {last}",
            "resume with a lower --lr, or with --precision fp32",
        )

    def _write_settings(self) -> None:
        path = self.run / "settings.json"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
            temporary.write_text(json.dumps(self.settings.to_dict(), indent=2) + "\n", encoding="utf-8")
            os.replace(temporary, path)
        except OSError as error:
            raise UsageError(f"cannot write the run folder {self.run}: {error}", "choose another --run") from error


def changed(settings: TrainSettings, **changes: Any) -> TrainSettings:
    """The settings of a run that is resumed, with changes. Raises UsageError for what would make it another run."""
    for name, value in changes.items():
        if name not in CHANGEABLE and getattr(settings, name) != value:
            raise UsageError(
                f"a resumed run keeps its {name.replace('_', ' ')}: {getattr(settings, name)}, not {value}",
                "leave the option out, or start a new run with --init-from",
            )
    return replace(settings, **changes)


CHANGEABLE = (
    "root",
    "iterations",
    "precision",
    "lr",
    "d_lr",
    "lambda_cls",
    "lambda_rec",
    "lambda_gp",
    "lambda_mask",
    "lambda_smooth",
    "log_every",
    "sample_every",
    "checkpoint_every",
    "keep",
)
