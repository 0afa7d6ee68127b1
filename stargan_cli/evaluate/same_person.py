"""Whether a face is still the same person's: how far its descriptor moved, against photos of one person and of two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

MOST_PAIRS = 2000
FEWEST_PAIRS = 20


@dataclass(frozen=True)
class Yardstick:
    """Distances between descriptors of two photos of one person, and of two people, sorted."""

    same: Tensor
    different: Tensor

    def below_same(self, distances: Tensor) -> Tensor:
        """For each distance (n,) the share of pairs of one person's photos that are nearer, in [0, 1]: 0 where the two
        are more alike than any two photos of one person."""
        return torch.searchsorted(self.same, distances) / len(self.same)

    def below_different(self, distances: Tensor) -> Tensor:
        """For each distance (n,) the share of pairs of two people that are nearer, in [0, 1]: 0 where no two people
        are as alike."""
        return torch.searchsorted(self.different, distances) / len(self.different)


def yardstick(descriptors: Tensor, people: Sequence[str] | None) -> Yardstick | None:
    """From the descriptors (N, d) of all sources and the person on each: up to 2,000 pairs of either kind, always the
    same ones. None where it is not known who is on them, or fewer than 20 pairs show one person."""
    if people is None:
        return None
    pairs = torch.combinations(torch.arange(len(people)))
    numbers = torch.tensor([list(dict.fromkeys(people)).index(person) for person in people])
    alike = numbers[pairs[:, 0]] == numbers[pairs[:, 1]]
    if min(int(alike.sum()), int((~alike).sum())) < FEWEST_PAIRS:
        return None
    return Yardstick(_sorted_distances(descriptors, pairs[alike]), _sorted_distances(descriptors, pairs[~alike]))


def _sorted_distances(descriptors: Tensor, pairs: Tensor) -> Tensor:
    count = min(MOST_PAIRS, len(pairs))
    first, second = pairs[torch.arange(count) * len(pairs) // count].unbind(1)
    return moved(descriptors[first], descriptors[second]).sort().values


def moved(before: Tensor, after: Tensor) -> Tensor:
    """Descriptors (n, d) twice -> their distances (n,)."""
    distances: Tensor = torch.linalg.vector_norm(after - before, dim=1)
    return distances
