"""Whether a face still shows the same person: how far its descriptor moved, compared with pairs of photos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

MOST_PAIRS = 2000
FEWEST_PAIRS = 20


@dataclass(frozen=True)
class Yardstick:
    """Sorted distances between the descriptors of two photos: `same` of one person, `different` of two people."""

    same: Tensor
    different: Tensor

    def below_same(self, distances: Tensor) -> Tensor:
        """For each distance (n,), the share in [0, 1] of pairs of one person's photos with a smaller distance. 0: more
        alike than any such pair."""
        return torch.searchsorted(self.same, distances) / len(self.same)

    def below_different(self, distances: Tensor) -> Tensor:
        """For each distance (n,), the share in [0, 1] of pairs of two people with a smaller distance. 0: more alike
        than any two people."""
        return torch.searchsorted(self.different, distances) / len(self.different)


def yardstick(descriptors: Tensor, people: Sequence[str] | None) -> Yardstick | None:
    """The distances of up to 2,000 pairs of either kind, always the same ones, from the descriptors (N, d) of all
    sources and the person on each. None if the people are not known, or if either kind has fewer than 20 pairs."""
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
    """The distances (n,) between descriptors (n, d) before and after."""
    distances: Tensor = torch.linalg.vector_norm(after - before, dim=1)
    return distances
