"""The checkpoints and the weights of a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from stargan_cli.device import PRECISIONS
from stargan_cli.errors import StarganError, TrainingError, reason_of
from stargan_cli.faces.eye_places import EyePlaces
from stargan_cli.files.writing import FULL
from stargan_cli.progress import Say
from stargan_cli.train.card import card_of
from stargan_cli.train.learning.trainer import Trainer
from stargan_cli.train.log import RunLog
from stargan_cli.train.recipe.settings import TrainSettings
from stargan_cli.train.run_folder import RunFolder
from stargan_cli.weights.checkpoints import Checkpoint, save_checkpoint
from stargan_cli.weights.files import load
from stargan_cli.weights.files import save as save_weights

NETWORKS = ("generator", "discriminator", "ema", "teacher")


class Saver:
    """Writes a run's state. `saved` is the iteration of the newest checkpoint, `exported` that of the weights that this
    call wrote; -1: none.

    `identity` is that of the training data (`TrainingData.identity`), `landmarks` are for the weights' card.
    """

    def __init__(
        self,
        folder: RunFolder,
        settings: TrainSettings,
        trainer: Trainer,
        log: RunLog,
        identity: dict[str, list[str]],
        landmarks: EyePlaces,
        say: Say,
    ) -> None:
        self.folder, self.settings, self.trainer, self.log, self.say = folder, settings, trainer, log, say
        self.identity, self.landmarks = identity, landmarks
        self.saved = self.exported = -1
        self.packed_otherwise = False
        self.started_from: dict[str, Any] = {}

    def take_over(self, checkpoint: Checkpoint) -> None:
        """Go on from a checkpoint that the trainer has loaded."""
        trained, packing = checkpoint.record.get("settings", {}), ("checkpoint_dtype", "checkpoint_moments")
        self.saved = self.trainer.iteration
        self.packed_otherwise = any(trained.get(name) != getattr(self.settings, name) for name in packing)
        self.started_from = checkpoint.record.get("started_from", {})
        self._restore_rounded(PRECISIONS[trained.get("checkpoint_dtype", "fp32")])

    def _restore_rounded(self, dtype: torch.dtype) -> None:
        """Undo the rounding of a checkpoint in `dtype` where the run's weights are of its iteration: the weights, which
        are fp32, are written anew from what was loaded, and would become the rounded ones."""
        if dtype is torch.float32:
            return
        try:
            exact = load(str(self.folder.weights))
        except StarganError:  # missing or damaged
            return
        if exact.card.training.get("iterations") != self.trainer.iteration:
            return
        for loaded, whole in ((self.trainer.ema, exact.generator), (self.trainer.discriminator, exact.discriminator)):
            if whole is not None and _same_rounded(loaded.state_dict(), whole.state_dict(), dtype):
                loaded.load_state_dict(whole.state_dict())

    def save(self, seconds: Callable[[], float], final: bool = False) -> None:
        """Write a checkpoint and the weights. If there is no room for the checkpoint, the weights, which are smaller,
        are still written. `seconds` gives the run's training time.

        What cannot be written is a warning. It raises TrainingError if `final`, and if there is no checkpoint yet for
        another reason than a full disk, where room may be made meanwhile. Raises TrainingError also where the state
        holds NaN or infinite numbers; earlier checkpoints are kept.
        """
        iteration = self.trainer.iteration
        if not self.folder.is_there():
            raise TrainingError(
                f"the run folder {self.folder.path} is gone: it was moved or removed",
                "train --run NEWPLACE --resume goes on from its newest checkpoint",
            )
        failed: list[tuple[str, OSError]] = []
        if self.saved != iteration or self.packed_otherwise:
            before = f"the latest one is of iteration {self.saved:,}" if self.saved >= 0 else "there is none yet"
            what = f"the checkpoint of iteration {iteration:,}"
            failed += _failed(what, lambda: self._save_checkpoint(seconds), f"; {before}")
        if self.exported != iteration:  # weights on the disk may be older than the checkpoint that was resumed
            failed += _failed(f"the weights of iteration {iteration:,}", lambda: self._save_weights(seconds))
        full = all(error.errno in FULL for _, error in failed)
        if failed and (final or (self.saved < 0 and not full)):
            raise TrainingError("; ".join(text for text, _ in failed), self._way_out(full))
        for text, _ in failed:
            self.say(f"{text}; going on")

    def _way_out(self, full: bool) -> str:
        if self.saved < 0 <= self.exported:
            other = f"go on with --init-from {self.folder.weights} and another --run"
            return f"make room and {other}" if full else other
        if full:
            return "make room and go on with --resume"
        elsewhere = "" if self.saved >= 0 else ", or choose another --run"
        return f"allow writing there and go on with --resume{elsewhere}"

    def _save_checkpoint(self, seconds: Callable[[], float]) -> None:
        trainer = self.trainer
        state = packed(trainer.state(), self.settings.checkpoint_dtype, self.settings.checkpoint_moments)
        for name, tensor in state.items():
            if not bool(torch.isfinite(tensor).all()):
                raise self.not_finite(name)  # it would replace good ones on the disk
        self.log.sync()
        record = {
            "settings": self.settings.to_dict(),
            "seconds": seconds(),
            "started_from": self.started_from,
            **self.identity,
        }
        save_checkpoint(self.folder.checkpoints, trainer.iteration, state, record, self.settings.keep)
        self.saved, self.packed_otherwise = trainer.iteration, False

    def _save_weights(self, seconds: Callable[[], float]) -> None:
        trainer = self.trainer
        card = card_of(trainer, seconds(), self.started_from, self.landmarks)
        heads = trainer.features.heads.state_dict() if trainer.features else None
        networks = trainer.ema.state_dict(), trainer.discriminator.state_dict()
        save_weights(self.folder.weights, card, *networks, feature_heads=heads)
        self.exported = trainer.iteration

    def not_finite(self, what: str) -> TrainingError:
        """The error for a loss or a tensor that is not finite."""
        last = f"the checkpoint of iteration {self.saved:,} is kept" if self.saved >= 0 else "no checkpoint exists yet"
        return TrainingError(
            f"iteration {self.trainer.iteration:,}: {what} is no longer a finite number; {last}",
            "resume with a lower --lr, or with smaller weights of losses"
            + (", or with --precision fp32" if self.trainer.precision is not torch.float32 else ""),
        )


def _failed(what: str, write: Callable[[], None], then: str = "") -> list[tuple[str, OSError]]:
    """Write a file; returns why that failed, if it did."""
    try:
        write()
    except OSError as error:
        return [(f"{what} could not be written: {reason_of(error)}{then}", error)]
    return []


def _same_rounded(loaded: dict[str, Tensor], exact: dict[str, Tensor], dtype: torch.dtype) -> bool:
    """Whether a network's tensors in fp32 become those that were `loaded` if they are rounded to `dtype`."""
    return loaded.keys() == exact.keys() and all(
        torch.equal(tensor.cpu().to(dtype), exact[name].to(dtype)) for name, tensor in loaded.items()
    )


def packed(state: dict[str, Tensor], dtype: str, moments: bool) -> dict[str, Tensor]:
    """A run's state (`Trainer.state`) as a checkpoint holds it: networks in `dtype`, a key of `PRECISIONS`, and the
    optimisers' tensors if `moments`. In this way a checkpoint that is copied to other machines has half the bytes, or a
    sixth.

    Moments are bf16 if `dtype` is fp16, in which squared gradients would underflow to 0.
    """
    made = {}
    for name, tensor in state.items():
        owner = name.partition(".")[0]
        if owner in NETWORKS:
            made[name] = tensor.to(PRECISIONS[dtype])
        elif not owner.endswith("_optimiser"):
            made[name] = tensor
        elif moments:
            made[name] = tensor if ".step." in name else tensor.to(PRECISIONS["bf16" if dtype == "fp16" else dtype])
    return made
