"""Whether a face still shows the same person: how far its descriptor moved, compared with pairs of photos."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from stargan_cli.datasets.decoded_cache import CachedPictures
from stargan_cli.datasets.labelled import evenly
from stargan_cli.evaluate.distances import Features
from stargan_cli.evaluate.translating.batches import Machine

MOST_PEOPLE, PHOTOS_EACH = 80, 3
MOST_PAIRS = 2000
FEWEST_PAIRS = 20
TOLD_APART = 0.9


def portrait_rows(people: Sequence[str | None]) -> list[int]:
    """From the person on each photo of a data set (N,), the indices of up to three photos of up to 80 people who have
    several. None: the person is not known, and the photo is left out. A sample of 150 photos of a thousand people would
    hardly have two of one."""
    photos = defaultdict(list)
    for row, person in enumerate(people):
        if person is not None:
            photos[person].append(row)
    several = [rows[:PHOTOS_EACH] for rows in photos.values() if len(rows) > 1]
    return [row for person in evenly(len(several), MOST_PEOPLE) for row in several[person]]


@dataclass(frozen=True)
class Yardstick:
    """Sorted distances between the descriptors of two photos: `same` of one person, `different` of two people."""

    same: Tensor
    different: Tensor

    @classmethod
    def of(cls, descriptors: Tensor, people: Sequence[str]) -> Yardstick | None:
        """The distances of up to 2,000 pairs of either kind, always the same ones, from the descriptors (N, d) of
        photos and the person on each. None if either kind has fewer than 20 pairs."""
        number_of = {person: number for number, person in enumerate(dict.fromkeys(people))}
        numbers = torch.tensor([number_of[person] for person in people])
        pairs = [_pairs(numbers, alike) for alike in (True, False)]
        if min(map(len, pairs)) < FEWEST_PAIRS:
            return None
        same, different = (moved(*descriptors[one].unbind(1)).sort().values for one in pairs)
        return cls(same, different)

    @property
    def told_apart(self) -> float:
        """How well the descriptors tell people apart, as the area under the ROC curve: the probability that a pair of
        photos of one person is nearer than a pair of two people. 0.5: not at all; below TOLD_APART, distances say
        little of the person."""
        nearer, not_farther = (torch.searchsorted(self.same, self.different, right=right) for right in (False, True))
        return round(float((nearer + not_farther).double().mean() / (2 * len(self.same))), 4)

    def below_same(self, distances: Tensor) -> Tensor:
        """For each distance (n,), the share in [0, 1] of pairs of one person's photos with a smaller distance. 0: more
        alike than any such pair."""
        return torch.searchsorted(self.same, distances) / len(self.same)

    def below_different(self, distances: Tensor) -> Tensor:
        """For each distance (n,), the share in [0, 1] of pairs of two people with a smaller distance. 0: more alike
        than any two people."""
        return torch.searchsorted(self.different, distances) / len(self.different)


@dataclass(frozen=True)
class Portraits:
    """Photos to compare with, and the person on each."""

    pictures: CachedPictures
    people: tuple[str, ...]

    def yardstick(self, describe: Features, machine: Machine) -> Yardstick | None:
        """Their `Yardstick.of`. `describe` gives the descriptors of uint8 pictures (n, 3, S, S)."""
        batches = torch.arange(len(self.people)).split(machine.batch_size)  # type: ignore[no-untyped-call]
        descriptors = [describe(self.pictures.batch(rows)[0].to(machine.device)) for rows in batches]
        return Yardstick.of(torch.cat(descriptors), self.people)


def _pairs(numbers: Tensor, alike: bool) -> Tensor:
    """Up to 2,000 pairs (p, 2) of photos whose people, int64 (N,), are the same or, unless `alike`, different: every so
    many of all these pairs, which are not held in memory."""
    ahead = torch.arange(len(numbers)).flip(0)
    later = torch.zeros_like(numbers)
    for person in range(int(numbers.max()) + 1):
        photos = (numbers == person).nonzero().flatten()
        later[photos] = torch.arange(len(photos)).flip(0)
    ends = (later if alike else ahead - later).cumsum(0)
    total = int(ends[-1])
    count = min(MOST_PAIRS, total)
    wanted = torch.arange(count) * total // max(1, count)
    firsts = torch.searchsorted(ends, wanted, right=True)
    pairs = []
    for first, left in zip(firsts.tolist(), (ends[firsts] - wanted).tolist(), strict=True):
        seconds = ((numbers[first + 1 :] == numbers[first]) == alike).nonzero().flatten()
        pairs.append((first, first + 1 + int(seconds[-left])))
    return torch.tensor(pairs).view(-1, 2)


def moved(before: Tensor, after: Tensor) -> Tensor:
    """The distances (n,) between descriptors (n, d) before and after."""
    distances: Tensor = torch.linalg.vector_norm(after - before, dim=1)
    return distances
