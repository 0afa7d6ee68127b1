"""Estimate the time, memory and disk space of a run, from a few iterations on random pictures."""

from __future__ import annotations

import math
import sys
import time
from dataclasses import dataclass, replace
from itertools import count

import numpy as np
import torch

from stargan_cli.captured import EAGER_CALLS
from stargan_cli.datasets.decoded_cache import CachedPictures
from stargan_cli.datasets.labelled import DataSet, Labelled
from stargan_cli.device import pick_device, pick_precision
from stargan_cli.distributed import Processes
from stargan_cli.labels import LabelLayout
from stargan_cli.progress import Progress, silent
from stargan_cli.train.learning.trainer import Trainer
from stargan_cli.train.recipe.settings import TrainSettings
from stargan_cli.train.run import make_trainer
from stargan_cli.train.saving import packed

ENOUGH_SECONDS, LONG_SECONDS = 1.0, 10.0
LONGEST_CYCLE = 20  # iterations: rarer steps hardly affect the average


@dataclass(frozen=True)
class RunEstimate:
    """`iteration`: the mean time of one (seconds). In bytes: peak `memory` of the GPU or of this process (None where
    the system does not tell), `cache` of decoded pictures, and the `run`'s folder: checkpoints, including one more that
    is being written, and weights."""

    device: str
    precision: str
    iteration: float
    memory: int | None
    cache: int
    run: int


def estimate_run(
    settings: TrainSettings,
    sets: list[DataSet],
    layout: LabelLayout,
    device: str,
    processes: Processes,
    progress: Progress,
) -> RunEstimate:
    """Train for a few iterations and discard the result. One of several processes measures its own share of a batch.

    Raises UsageError, and TrainingError where the memory is too small.
    """
    where = pick_device(device)
    precision = pick_precision(settings.precision, where)
    share = max(1, settings.batch_size // processes.count)
    short = replace(settings, batch_size=share, head_start=0)
    pictures = [_random(parts["train"], share, settings.image_size) for parts in sets]
    trainer = make_trainer(short, layout, pictures, where, precision)
    seconds = _seconds(trainer, progress)
    kept = packed(trainer.state(), settings.checkpoint_dtype, settings.checkpoint_moments)
    state = sum(tensor.numel() * tensor.element_size() for tensor in kept.values())
    decoded = sum(len(parts["train"]) for parts in sets)
    return RunEstimate(
        str(where),
        str(precision).removeprefix("torch."),
        seconds,
        _memory(where),
        decoded * 3 * settings.image_size**2,
        state * (settings.keep + 1) + _weights(trainer) * (2 if settings.eval_every else 1),
    )


def _weights(trainer: Trainer) -> int:
    """The size of the run's weights (bytes)."""
    networks = [trainer.ema, trainer.discriminator, *([trainer.features.heads] if trainer.features else [])]
    return sum(one.numel() * one.element_size() for network in networks for one in network.state_dict().values())


def _random(labelled: Labelled, number: int, size: int) -> CachedPictures:
    some = labelled.select([index % len(labelled) for index in range(number)])
    pixels = np.random.default_rng(0).integers(0, 256, (number, 3, size, size), np.uint8)
    return CachedPictures(some, pixels, {})


def _seconds(trainer: Trainer, progress: Progress = silent) -> float:
    """The mean time of an iteration (seconds), over whole cycles of generator steps and penalties. The first cycles
    warm up: on CUDA until the iterations are recorded, elsewhere one cycle, which counts if it takes `LONG_SECONDS`."""
    on_cuda = trainer.device.type == "cuda"
    cycle = min(LONGEST_CYCLE, math.lcm(trainer.settings.n_critic, trainer.settings.penalty_every))
    elapsed, cycles = 0.0, 0
    for number in count():
        start = time.monotonic()
        for done in range(number * cycle, (number + 1) * cycle):
            progress(done, None, "on random pictures")
            trainer.iterate()
        if on_cuda:
            torch.cuda.synchronize(trainer.device)
        seconds = time.monotonic() - start
        if number > EAGER_CALLS or (not on_cuda and (number > 0 or seconds > LONG_SECONDS)):
            elapsed, cycles = elapsed + seconds, cycles + 1
        if elapsed > ENOUGH_SECONDS:
            break
    return elapsed / cycles / cycle


def _memory(device: torch.device) -> int | None:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
