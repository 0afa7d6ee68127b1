"""Random numbers that are a function of a key and a position alone: the same on every device, and in a CUDA graph."""

from __future__ import annotations

import torch
from torch import Tensor

_BITS = 64
_WEYL, _FIRST, _SECOND = (
    value - (1 << _BITS) for value in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
)
_LEAST = 32


def hashed(numbers: Tensor) -> Tensor:
    """int64, any shape -> int64 of the same shape, spread evenly over all 64 bits.

    It is the output function of SplitMix64 (Steele, Lea & Flood, OOPSLA 2014), whose products wrap around.
    """
    numbers = (numbers ^ _logical_shift(numbers, 30)) * _FIRST
    numbers = (numbers ^ _logical_shift(numbers, 27)) * _SECOND
    return numbers ^ _logical_shift(numbers, 31)


def key(step: Tensor, *parts: int) -> Tensor:
    """A key, int64 (), from an int64 () that may change and from constant integers, such as (seed, data set)."""
    for part in parts:
        step = hashed(step * _WEYL + part)
    return step


def stream(start: Tensor, count: int) -> Tensor:
    """int64 (count,): the output of SplitMix64 from the state `start`, an int64 ()."""
    return hashed(start + _WEYL * torch.arange(1, count + 1, device=start.device))


def permutation(start: Tensor, count: int) -> Tensor:
    """int64 (count,): 0 to count - 1 in a random order that follows from `start`."""
    return stream(start, count).argsort(stable=True)


def _logical_shift(numbers: Tensor, bits: int) -> Tensor:
    return (numbers >> bits) & ((1 << (_BITS - bits)) - 1)


class Draws:
    """Random numbers for a batch of `total` pictures, of which this process has only `rows`.

    They are drawn for the whole batch, so that a picture gets the same numbers however many processes share the batch.
    Each call gives new numbers, which depend on the order of the calls.
    """

    def __init__(self, start: Tensor, total: int, rows: slice = slice(None)) -> None:
        self.start, self.total, self.rows = start, total, rows
        self._drawn = start.new_empty(0, total)
        self._blocks = 0

    def bits(self, count: int) -> Tensor:
        """int64 (count, total), of the whole batch. Hashing costs a dozen small operations, so it is done in blocks."""
        if (missing := count - len(self._drawn)) > 0:
            block = stream(self.start ^ hashed(self.start + self._blocks), max(missing, _LEAST) * self.total)
            self._drawn = torch.cat([self._drawn, block.view(-1, self.total)])
            self._blocks += 1
        taken, self._drawn = self._drawn[:count], self._drawn[count:]
        return taken

    def order(self) -> Tensor:
        """int64 (total,): the rows of the whole batch in random order."""
        return self.bits(1)[0].argsort(stable=True)

    def uniform_of_all(self, count: int) -> Tensor:
        """float32 (count, total), of the whole batch, in [0, 1)."""
        return _logical_shift(self.bits(count), 40).float() * 2.0**-24

    def uniform(self, *leading: int) -> Tensor:
        """float32 (*leading, rows) in [0, 1)."""
        numbers = self.uniform_of_all(int(torch.Size(leading).numel()))
        return numbers.view(*leading, self.total)[..., self.rows]

    def normal(self, *leading: int) -> Tensor:
        """float32 (*leading, rows), standard normal (Box & Muller, 1958)."""
        radius, angle = self.uniform(2, *leading)
        return (-2 * torch.log1p(-radius)).sqrt() * torch.cos(2 * torch.pi * angle)
