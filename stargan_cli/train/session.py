"""What a training run writes while it runs: log, sample grids, checkpoints, weights."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from stargan_cli.device import tune_for_training
from stargan_cli.errors import DataError, TrainingError, UsageError, reason_of
from stargan_cli.progress import Progress, Say
from stargan_cli.train.card import origin
from stargan_cli.train.data import TrainingData
from stargan_cli.train.evaluations import SCORE, Evaluate, Evaluations
from stargan_cli.train.initialise import initialise
from stargan_cli.train.learning.trainer import Trainer
from stargan_cli.train.log import Board, RunLog
from stargan_cli.train.recipe.settings import TrainSettings
from stargan_cli.train.run_folder import (
    RunFolder,
    from_weights_of,
    refuse_changes_without_effect,
    refuse_checkpoint_of_other_settings,
    refuse_lone_weights,
    writing,
)
from stargan_cli.train.samples import sample_grid, save_grid
from stargan_cli.train.saving import Saver
from stargan_cli.weights.checkpoints import Checkpoint, latest_checkpoint
from stargan_cli.weights.files import load
from stargan_cli.weights.foreign_state_dicts import why_not_loaded


class Schedule:
    """Is due every `every` iterations, and at the latest `seconds` after it last was."""

    def __init__(self, every: int, seconds: float) -> None:
        self.every, self.seconds = every, seconds
        self.latest = time.monotonic()

    @property
    def overdue(self) -> bool:
        return time.monotonic() - self.latest >= self.seconds

    def is_due(self, iteration: int) -> bool:
        """Whether it is due; if so, the seconds are counted anew."""
        due = self.overdue or iteration % self.every == 0
        if due:
            self.latest = time.monotonic()
        return due


class Session:
    """The files of one call of `train`: `begin` loads the run's state, `after` writes what is due after an iteration.

    `say` gets warnings; `evaluate` measures weights every `settings.eval_every` iterations. As soon as `stop` is true
    or `deadline` (in seconds of `time.monotonic`) is over, an evaluation is given up; `owes_evaluation` says so, and
    the next call makes up for it, whatever its deadline.
    """

    def __init__(
        self,
        folder: RunFolder,
        settings: TrainSettings,
        trainer: Trainer,
        data: TrainingData,
        say: Say,
        evaluate: Evaluate | None,
        stop: Callable[[], bool],
        deadline: float,
    ) -> None:
        self.folder, self.settings, self.trainer, self.say = folder, settings, trainer, say
        self.identity, self.held_out = data.identity(), data.held_out
        self.log = RunLog(folder.path / "log.jsonl", say)
        self.saver = Saver(folder, settings, trainer, self.log, self.identity, data.landmarks(), say)
        self.evaluations = Evaluations(evaluate, settings.eval_every, folder.weights, self.log, say)
        self.board: Board | None = None
        self.rows = Schedule(settings.log_every, settings.log_seconds)
        self.samples = Schedule(settings.sample_every, settings.sample_seconds)
        self.checkpoints = Schedule(settings.checkpoint_every, settings.checkpoint_seconds)
        self.stop, self.deadline, self.owes_evaluation = stop, deadline, False
        self.sampled = -1
        self.shown: dict[str, float] = {}
        self.trained_seconds = 0.0
        self.counted_until = time.monotonic()

    def begin(self, resume: bool) -> None:
        """Load the newest intact checkpoint, or start afresh. Raises DataError, TrainingError and UsageError."""
        checkpoint, complaints = latest_checkpoint(self.folder.checkpoints) if resume else (None, [])
        for complaint in complaints:
            self.say(complaint)
        if checkpoint is None and complaints:
            raise TrainingError(f"all checkpoints in {self.folder.path} are damaged", from_weights_of(self.folder.path))
        if checkpoint is not None:
            self._take_over(checkpoint)
        else:
            self._start_afresh(resume)
        with writing(self.folder.path, resume):
            self.folder.write_settings(self.settings)
            self.log.keep_until(self.trainer.iteration)
            if self.settings.log == "tensorboard":
                self.board = Board(self.folder.path / "tensorboard", self.trainer.iteration, self.say)
        if self.trainer.iteration == 0:
            self._sample()
        self.counted_until = time.monotonic()
        iteration = self.trainer.iteration
        if checkpoint is not None and self.evaluations.are_due(iteration) and not self.log.has(iteration, SCORE):
            self._evaluate(self.stop)

    def _start_afresh(self, resume: bool) -> None:
        refuse_lone_weights(self.folder.path)
        if resume:
            self.say(f"{self.folder.path} has no checkpoint: starting at iteration 0")
        if not self.settings.init_from:
            return
        trainer, weights = self.trainer, load(self.settings.init_from)
        heads = trainer.features.heads if trainer.features else None
        networks = trainer.generator, trainer.discriminator, heads
        for note in initialise(*networks, trainer.layout, weights, whole=self.settings.distil):
            self.say(note)
        trainer.begin_with_generator()
        self.saver.started_from = origin(weights.card)

    def _take_over(self, checkpoint: Checkpoint) -> None:
        if any(checkpoint.record.get(name, found) != found for name, found in self.identity.items()):
            raise DataError(
                f"the training data is not what {self.folder.path} was trained on: pictures, labels or groups changed",
                f"restore the data, or start a new run with --init-from {self.folder.weights}",
            )
        trained, tensors = checkpoint.record.get("settings", {}), checkpoint.tensors
        if trained.get("augment", self.settings.augment) != self.settings.augment:
            tensors.pop("augmentation.probability", None)  # what was adapted gives way to the new --augment
        try:
            self.trainer.load_state(tensors, checkpoint.record["iteration"])
        except (KeyError, RuntimeError) as error:
            raise UsageError(
                f"{checkpoint.path} does not fit the settings of the run: {why_not_loaded(error)}"
            ) from error
        refuse_checkpoint_of_other_settings(checkpoint.path, self.settings, trained)
        done, wanted = self.trainer.iteration, self.settings.iterations
        if done > wanted:
            raise UsageError(
                f"--iterations {wanted} is less than the {done} that the run has done",
                "give a larger number, or none",
            )
        if done == wanted:
            refuse_changes_without_effect(self.settings, trained)
        self.saver.take_over(checkpoint)
        self.trained_seconds = float(checkpoint.record.get("seconds", 0.0))

    def after(self, losses: dict[str, Tensor], progress: Progress) -> None:
        """Write what is due after an iteration; `losses` is empty if no row is due."""
        iteration = self.trainer.iteration
        if losses:
            self.write_row(losses)
        note = "  ".join(f"{name} {value:.3g}" for name, value in self.shown.items())
        progress(iteration, self.settings.iterations, note)
        if self.samples.is_due(iteration):
            self._sample()
        if self.evaluations.are_due(iteration):
            self._evaluate(lambda: self.stop() or time.monotonic() > self.deadline)
        if self.checkpoints.is_due(iteration):
            self.save()

    def write_row(self, losses: dict[str, Tensor]) -> None:
        """Write a row of the log. Raises TrainingError where a loss is not finite."""
        numbers = {name: value.item() for name, value in losses.items()}
        for name, value in numbers.items():
            if not math.isfinite(value):
                raise self.saver.not_finite(f"the loss {name}")
        iteration = self.trainer.iteration
        self.log.write({"iteration": iteration, "seconds": round(self._seconds(), 2), **numbers})
        if self.board is not None:
            self.board.scalars(numbers, iteration)
        self.rows.latest = time.monotonic()
        self.shown |= numbers

    def finish(self) -> None:
        """Write what is due at the end of a call: a sample grid, a checkpoint and the weights. Raises TrainingError."""
        if self.sampled != self.trainer.iteration:
            self._sample()
        self.save(final=True)

    def save(self, final: bool = False) -> None:
        """Write a checkpoint and the weights, see `Saver.save`."""
        self.saver.save(self._seconds, final)

    def _evaluate(self, stop: Callable[[], bool]) -> None:
        iteration, seconds = self.trainer.iteration, self._seconds()
        self.save()  # with a checkpoint: a killed run could not go on from weights alone
        if self.saver.exported != iteration:
            return
        numbers = replace(self.evaluations, stop=stop).write(iteration, seconds)
        self.owes_evaluation = not numbers and stop()
        if self.board is not None:
            self.board.scalars(numbers, iteration)
        tune_for_training(self.trainer.device)  # evaluation makes cuDNN repeatable; training needs it fast
        self.counted_until = time.monotonic()  # evaluation is no training time

    def _seconds(self) -> float:
        """Training time of this run so far (seconds), over all its resumptions."""
        now = time.monotonic()
        self.trained_seconds += now - self.counted_until
        self.counted_until = now
        return self.trained_seconds

    def _sample(self) -> None:
        trainer = self.trainer
        self.sampled = trainer.iteration
        for index, pictures in enumerate(self.held_out):
            pixels, labels = pictures.batch(torch.arange(len(pictures)))
            grid = sample_grid(trainer.ema, pixels, labels.float(), trainer.layout, index)
            name = pictures.labelled.label_set.name.replace("/", "_")
            path = self.folder.path / "samples" / f"{trainer.iteration:08d}-{name}.png"
            try:
                save_grid(path, grid)
            except OSError as error:
                self.say(f"the sample grid {path} could not be written ({reason_of(error)}); going on")
            if self.board is not None:
                self.board.picture(name, grid, trainer.iteration)
