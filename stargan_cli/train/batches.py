"""Which pictures a training step sees: a pure function of seed and step, so that a resumed run sees the same."""

from __future__ import annotations

from concurrent.futures import Future
from functools import cached_property, lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from stargan_cli.datasets.decoded_cache import CachedPictures
from stargan_cli.device import side_by_side


def generator_for(*key: int) -> torch.Generator:
    """Random numbers (on the CPU) that depend on `key` alone, such as (seed, data set, step)."""
    state = 0
    for part in key:
        state = (state * 0x9E3779B97F4A7C15 + part + 0x632BE59BD9B4E019) % 2**63
    return torch.Generator().manual_seed(state)


class Drawn(NamedTuple):
    """Some rows of a batch: pictures uint8 (n, 3, S, S), and importance float (n,), which is how much more often the
    data shows a picture than it is drawn; and labels float (batch_size, k) of the whole batch."""

    pixels: Tensor
    importance: Tensor
    labels: Tensor


class BatchSource:
    """Batches of one data set.

    Without `balance`, each epoch is a fresh permutation. With it, pictures are drawn with replacement, each
    combination of labels with the square root of its share, so that rare ones (blond men) are seen more often.
    """

    def __init__(self, pictures: CachedPictures, batch_size: int, seed: int, balance: bool = False) -> None:
        self.pictures, self.batch_size, self.seed, self.balance = pictures, batch_size, seed, balance
        self._epoch = lru_cache(maxsize=2)(self._permutation)

    def indices(self, step: int) -> Tensor:
        """int64 (batch_size,): which pictures step number `step` (from 0) sees."""
        if self.balance:
            random = generator_for(self.seed, step)
            return torch.multinomial(self._weights, self.batch_size, replacement=True, generator=random)
        position, end = step * self.batch_size, (step + 1) * self.batch_size
        parts = []
        while position < end:
            epoch, offset = divmod(position, len(self.pictures))
            parts.append(self._epoch(epoch)[offset : offset + end - position])
            position += len(parts[-1])
        return torch.cat(parts)

    def batch(self, step: int, rows: slice = slice(None)) -> Drawn:
        """These rows of the batch, with the labels of all of it."""
        indices = self.indices(step)
        pixels, _ = self.pictures.batch(indices[rows])
        importance = (self._weights.mean() / self._weights[indices[rows]]).float()
        return Drawn(pixels, importance, self.pictures.labelled.labels[indices].float())

    def _permutation(self, epoch: int) -> Tensor:
        return torch.randperm(len(self.pictures), generator=generator_for(self.seed, epoch))

    @cached_property
    def _weights(self) -> Tensor:
        if not self.balance:
            return torch.ones(len(self.pictures), dtype=torch.float64)
        _, which, counts = torch.unique(self.pictures.labelled.labels, dim=0, return_inverse=True, return_counts=True)
        weights: Tensor = counts.double().rsqrt()[which]
        return weights


class Ahead:
    """The same rows of one batch after another, the next of which is read in a thread while one is used."""

    def __init__(self, source: BatchSource, rows: slice = slice(None)) -> None:
        self.source, self.rows = source, rows
        # One thread: with more there would be more than cores, and OpenMP's workers would sleep between operations.
        self._pool = side_by_side(1, "batches")
        self._next: tuple[int, Future[Drawn]] | None = None

    def batch(self, step: int) -> Drawn:
        """As `BatchSource.batch`."""
        coming = self._next if self._next and self._next[0] == step else (step, self._read(step))
        found = coming[1].result()
        self._next = step + 1, self._read(step + 1)
        return found

    def _read(self, step: int) -> Future[Drawn]:
        return self._pool.submit(self.source.batch, step, self.rows)
