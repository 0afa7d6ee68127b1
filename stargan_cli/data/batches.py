"""Which pictures a training step sees: a pure function of seed and step, so that a resumed run sees the same."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from stargan_cli.data.cache import CachedPictures


def generator_for(*key: int) -> torch.Generator:
    """Random numbers (on the CPU) that depend on `key` alone, such as (seed, data set, step)."""
    state = 0
    for part in key:
        state = (state * 0x9E3779B97F4A7C15 + part + 0x632BE59BD9B4E019) % 2**63
    return torch.Generator().manual_seed(state)


@dataclass(frozen=True)
class BatchSource:
    """Batches of one data set.

    Without `balance`, each epoch is a fresh permutation. With it, pictures are drawn with replacement, each
    combination of labels with the square root of its share, so that rare ones (blond men) are seen more often.
    """

    pictures: CachedPictures
    batch_size: int
    seed: int
    balance: bool = False

    def indices(self, step: int) -> Tensor:
        """int64 (batch_size,): which pictures step number `step` (from 0) sees."""
        if self.balance:
            weights = self._weights
            return torch.multinomial(
                weights, self.batch_size, replacement=True, generator=generator_for(self.seed, step)
            )
        count = len(self.pictures)
        first = step * self.batch_size
        parts, position = [], first
        while position < first + self.batch_size:
            epoch, offset = divmod(position, count)
            take = min(count - offset, first + self.batch_size - position)
            parts.append(self._permutation(epoch)[offset : offset + take])
            position += take
        return torch.cat(parts)

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Pictures uint8 (batch_size, 3, S, S) and labels float (batch_size, k)."""
        pixels, labels = self.pictures.batch(self.indices(step))
        return pixels, labels.float()

    def _permutation(self, epoch: int) -> Tensor:
        known: tuple[int, Tensor] | None = self.__dict__.get("_epoch")
        if known is None or known[0] != epoch:
            known = epoch, torch.randperm(len(self.pictures), generator=generator_for(self.seed, epoch))
            self.__dict__["_epoch"] = known
        return known[1]

    @property
    def _weights(self) -> Tensor:
        known: Tensor | None = self.__dict__.get("_combination_weights")
        if known is None:
            labels = self.pictures.labelled.labels
            _, which, counts = torch.unique(labels, dim=0, return_inverse=True, return_counts=True)
            known = counts.double().rsqrt()[which]
            self.__dict__["_combination_weights"] = known
        return known
