"""Which pictures a training step sees: a function of seed and step alone, so that a resumed run sees the same."""

from __future__ import annotations

from concurrent.futures import Future
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from stargan_cli.datasets.decoded_cache import CachedPictures
from stargan_cli.datasets.draws import key, permutation, stream
from stargan_cli.device import free_memory, put
from stargan_cli.pool import side_by_side

_CPU = torch.device("cpu")
_WHOLE = 2**62  # probabilities as integers: the same on every device
_SHARE_FOR_PICTURES = 0.6  # of a GPU's free memory; the rest is for the networks
_UPLOAD = 4096  # pictures at a time


class Drawn(NamedTuple):
    """Some rows of a batch: pictures uint8 (n, 3, S, S) and their importance weights float (n,), the share of a picture
    in the data divided by the probability that it is drawn. Labels float (batch_size, k) are of the whole batch."""

    pixels: Tensor
    importance: Tensor
    labels: Tensor


class BatchSource:
    """Batches of one data set.

    Without `balance`, each epoch is a fresh permutation. With it, pictures are drawn with replacement, each
    combination of labels in proportion to the square root of its share: rare ones (blond men) are seen more often.
    """

    def __init__(
        self,
        pictures: CachedPictures,
        batch_size: int,
        seed: int,
        balance: bool,
        device: torch.device = _CPU,
    ) -> None:
        """Draws are computed on `device`. Pictures stay in memory or on disk, as the cache has them."""
        self.pictures, self.batch_size, self.seed, self.balance = pictures, batch_size, seed, balance
        labels = pictures.labelled.labels
        weights = _weights(labels) if balance else torch.ones(len(labels), dtype=torch.float64)
        self._limits = (weights.cumsum(0) * (_WHOLE / weights.sum())).long().to(device)
        self._importance = (weights.mean() / weights).float().to(device)
        self._labels = labels.to(device)
        epochs = batch_size // len(labels) + 2  # in one batch, at most
        self._orders = torch.zeros(epochs, len(labels), dtype=torch.int64, device=device)
        self._known = [-1] * epochs

    def on(self, device: torch.device) -> BatchSource:
        """The same batches, drawn on another device."""
        return BatchSource(self.pictures, self.batch_size, self.seed, self.balance, device)

    def prepare(self, step: int) -> None:
        """Compute the permutations of this step's epochs, so that `indices` needs nothing from the host."""
        if self.balance:
            return
        first, last = (at // len(self.pictures) for at in (step * self.batch_size, (step + 1) * self.batch_size - 1))
        for epoch in range(first, last + 1):
            row = epoch % len(self._known)
            if self._known[row] != epoch:
                start = key(torch.full((), epoch, device=self._orders.device), self.seed)
                self._orders[row] = permutation(start, len(self.pictures))
                self._known[row] = epoch

    def indices(self, step: Tensor) -> Tensor:
        """int64 (batch_size,): the pictures of step number `step` (from 0, an int64 ())."""
        if self.balance:
            numbers = stream(key(step, self.seed), self.batch_size) & (_WHOLE - 1)
            return torch.searchsorted(self._limits, numbers, right=True).clamp_(max=len(self.pictures) - 1)
        position = step * self.batch_size + torch.arange(self.batch_size, device=step.device)
        epoch = torch.div(position, len(self.pictures), rounding_mode="floor")
        return self._orders[epoch % len(self._known), position % len(self.pictures)]

    def batch(self, step: Tensor, pixels: Tensor | np.ndarray, rows: slice = slice(None)) -> Drawn:
        """These rows of the batch, from `pixels` (uint8, all pictures), with the labels of the whole batch."""
        indices = self.indices(step)
        seen = indices[rows]
        found = pixels[seen] if isinstance(pixels, Tensor) else torch.from_numpy(pixels[seen.numpy()])
        return Drawn(found, self._importance[seen], self._labels[indices].float())


def _weights(labels: Tensor) -> Tensor:
    _, which, counts = torch.unique(labels, dim=0, return_inverse=True, return_counts=True)
    weights: Tensor = counts.double().rsqrt()[which]
    return weights


class Feed(Protocol):
    """The batches of a data set, `turns` of them in each iteration."""

    def load(self, iteration: int) -> None:
        """Do the work on the host that an iteration needs."""

    def drawn(self, turn: int, iteration: Tensor) -> Drawn:
        """The batch of one turn, on the device. `iteration` (int64 ()) must have been loaded."""


def feed(source: BatchSource, turns: int, rows: slice, device: torch.device) -> Feed:
    """A feed from GPU memory if all pictures fit there, else one from the host."""
    fits = device.type == "cuda" and source.pictures.pixels.nbytes < _SHARE_FOR_PICTURES * free_memory(device)
    return Resident(source, turns, rows, device) if fits else Streamed(source, turns, rows, device)


class Resident:
    """Keeps all pictures on the device, and draws there."""

    def __init__(self, source: BatchSource, turns: int, rows: slice, device: torch.device) -> None:
        self.source, self.turns, self.rows = source.on(device), turns, rows
        pixels = source.pictures.pixels
        self.pixels = torch.empty(pixels.shape, dtype=torch.uint8, device=device)
        for start in range(0, len(pixels), _UPLOAD):
            part = np.array(pixels[start : start + _UPLOAD])
            self.pixels[start : start + len(part)] = torch.from_numpy(part).to(device)

    def load(self, iteration: int) -> None:
        for turn in range(self.turns):
            self.source.prepare(iteration * self.turns + turn)

    def drawn(self, turn: int, iteration: Tensor) -> Drawn:
        return self.source.batch(iteration * self.turns + turn, self.pixels, self.rows)


class Streamed:
    """Reads the batches of the next iteration in a thread while one is computed. They are copied into the same tensors
    each time, since a CUDA graph reads from there."""

    def __init__(self, source: BatchSource, turns: int, rows: slice, device: torch.device) -> None:
        self.source, self.turns, self.rows, self.device = source, turns, rows, device
        # One thread: more would outnumber the cores, and OpenMP's workers would sleep between operations.
        self._pool = side_by_side(1, "batches")
        self._next: tuple[int, Future[list[Drawn]]] | None = None
        self._here: list[Drawn] = []

    def load(self, iteration: int) -> None:
        coming = self._next if self._next and self._next[0] == iteration else (iteration, self._submit(iteration))
        found = coming[1].result()
        self._next = iteration + 1, self._submit(iteration + 1)
        if not self._here:
            self._here = [Drawn(*(torch.empty_like(one, device=self.device) for one in drawn)) for drawn in found]
        for here, drawn in zip(self._here, found, strict=True):
            for place, value in zip(here, drawn, strict=True):
                put(value, place)

    def drawn(self, turn: int, iteration: Tensor) -> Drawn:
        return self._here[turn]

    def _submit(self, iteration: int) -> Future[list[Drawn]]:
        return self._pool.submit(lambda: [self._read(iteration * self.turns + turn) for turn in range(self.turns)])

    def _read(self, step: int) -> Drawn:
        self.source.prepare(step)
        return self.source.batch(torch.tensor(step), self.source.pictures.pixels, self.rows)
