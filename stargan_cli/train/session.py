"""What a training run writes while it runs: log, sample grids, checkpoints, weights."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor

from stargan_cli import __version__
from stargan_cli.datasets import augment
from stargan_cli.datasets.celeba import LANDMARKS, TERMS
from stargan_cli.datasets.decoded_cache import CachedPictures
from stargan_cli.errors import DataError, TrainingError, UsageError
from stargan_cli.progress import Progress
from stargan_cli.train.initialise import initialise
from stargan_cli.train.run_folder import RunFolder, RunLog, refuse_lone_weights
from stargan_cli.train.samples import save_grid
from stargan_cli.train.settings import TrainSettings
from stargan_cli.train.trainer import Trainer
from stargan_cli.weights import discriminator_view
from stargan_cli.weights.card import Card
from stargan_cli.weights.checkpoints import Checkpoint, latest_checkpoint, save_checkpoint
from stargan_cli.weights.files import load
from stargan_cli.weights.files import save as save_weights

Say = Callable[[str], None]


class Session:
    """One call of `train`: takes up where the run was, then does whatever is due after each iteration.

    `data` identifies the training data (`TrainingData.identity`); `held_out` are the pictures of the sample grids;
    `say` gets warnings.
    """

    def __init__(
        self,
        folder: RunFolder,
        settings: TrainSettings,
        trainer: Trainer,
        data: dict[str, list[str]],
        held_out: Sequence[CachedPictures],
        say: Say,
    ) -> None:
        self.folder, self.settings, self.trainer, self.say = folder, settings, trainer, say
        self.data, self.held_out = data, held_out
        self.log = RunLog(folder.path / "log.jsonl")
        self.saved = -1
        self.shown: dict[str, float] = {}
        self.trained_seconds = 0.0
        self.started_from: dict[str, Any] = {}
        self.mark = time.monotonic()

    def begin(self, resume: bool) -> None:
        """Load the newest checkpoint that is whole, or start afresh. Raises DataError, TrainingError and UsageError."""
        checkpoint, complaints = latest_checkpoint(self.folder.checkpoints) if resume else (None, [])
        for complaint in complaints:
            self.say(complaint)
        if checkpoint is None and complaints:
            raise TrainingError(f"no checkpoint in {self.folder.path} is whole", "start a new run with --init-from")
        if checkpoint is None:
            refuse_lone_weights(self.folder.path)
        if checkpoint is not None:
            self._take_over(checkpoint)
        elif self.settings.init_from:
            trainer = self.trainer
            weights = load(self.settings.init_from)
            for note in initialise(trainer.generator, trainer.discriminator, trainer.layout, weights):
                self.say(note)
            trainer.ema.load_state_dict(trainer.generator.state_dict())
            self.started_from = _origin(weights.card)
        self.folder.write_settings(self.settings)
        self.log.keep_until(self.trainer.iteration)
        self.mark = time.monotonic()

    def _take_over(self, checkpoint: Checkpoint) -> None:
        if any(checkpoint.record.get(name, found) != found for name, found in self.data.items()):
            raise DataError(
                f"the training data is not what {self.folder.path} was trained on: pictures or labels changed",
                f"restore the data, or start a new run with --init-from {self.folder.weights}",
            )
        try:
            self.trainer.load_state(checkpoint.tensors, checkpoint.record["iteration"])
        except (KeyError, RuntimeError) as error:
            raise UsageError(f"{checkpoint.path} does not fit the settings of the run: {error}") from error
        self.saved = self.trainer.iteration
        self.trained_seconds = float(checkpoint.record.get("seconds", 0.0))
        self.started_from = checkpoint.record.get("started_from", {})

    def after(self, losses: dict[str, Tensor], progress: Progress) -> None:
        """Whatever is due after an iteration."""
        iteration = self.trainer.iteration
        if iteration % self.settings.log_every == 0:
            numbers = {name: value.item() for name, value in losses.items()}
            self._check(numbers)
            self.log.write({"iteration": iteration, "seconds": round(self._seconds(), 2), **numbers}, self.say)
            self.shown |= numbers
        note = "  ".join(f"{name} {value:.3g}" for name, value in self.shown.items())
        progress(iteration, self.settings.iterations, note)
        if iteration % self.settings.sample_every == 0:
            self._sample()
        if iteration % self.settings.checkpoint_every == 0:
            self.save()

    def save(self, final: bool = False) -> None:
        """A checkpoint, and the weights to use. A disk that is full is an error at the end only.

        Raises TrainingError, and keeps the checkpoints before, where the state holds NaN or infinite numbers.
        """
        trainer = self.trainer
        if self.saved == trainer.iteration and self.folder.weights.is_file():
            return
        state = trainer.state()
        broken = [name for name, tensor in state.items() if not bool(torch.isfinite(tensor).all())]
        if broken:
            raise self._not_finite(broken[0])
        record = {
            "settings": self.settings.to_dict(),
            "seconds": self._seconds(),
            "started_from": self.started_from,
            **self.data,
        }
        try:
            save_checkpoint(self.folder.checkpoints, trainer.iteration, state, record, self.settings.keep)
            save_weights(
                self.folder.weights,
                self._card(),
                trainer.ema.state_dict(),
                trainer.discriminator.state_dict(),
            )
        except (OSError, SafetensorError) as error:
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
        celeba = "celeba" in self.settings.data
        faces = {"landmarks": LANDMARKS} if celeba else {}
        seen = [round(part, 4) for part in augment.mean_square(self.settings.view_zoom)]
        square = {discriminator_view.KEY: seen} if self.settings.view_zoom else {}
        terms = {"terms": TERMS} if celeba else {}
        return Card(
            model=self.trainer.model,
            layout=replace(self.trainer.layout, unset_stays=self.settings.keep_unset),
            preprocessing={"crop": "centre", "resize": "bilinear", **faces, **square},
            aliases=dict(self.settings.aliases),
            training={
                "program": f"stargan {__version__}",
                "iterations": self.trainer.iteration,
                "hours": round(self._seconds() / 3600, 2),
                "pictures": {s.pictures.labelled.label_set.name: len(s.pictures) for s in self.trainer.sources},
                **terms,
                **({"started_from": self.started_from} if self.started_from else {}),
                "settings": self._public_settings(),
            },
        )

    def _public_settings(self) -> dict[str, Any]:
        """Settings without paths, which say nothing to those who get the weights and much of the machine."""
        values = self.settings.to_dict()
        del values["root"]
        values["data"] = [label_set.name for label_set in self.trainer.layout.sets]
        values["init_from"] = values["init_from"] and PurePath(values["init_from"]).name
        return values

    def _sample(self) -> None:
        for index, pictures in enumerate(self.held_out):
            pixels, labels = pictures.batch(torch.arange(len(pictures)))
            name = pictures.labelled.label_set.name.replace("/", "_")
            path = self.folder.path / "samples" / f"{self.trainer.iteration:08d}-{name}.png"
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


def _origin(card: Card) -> dict[str, Any]:
    """What weights to start from say of how long they were trained, and from what they were made themselves."""
    names = ("iterations", "hours", "mean_of", "started_from")
    return {name: card.training[name] for name in names if name in card.training}
