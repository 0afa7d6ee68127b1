"""Distances between photos of one person and of two."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import pytest
import torch

from stargan_cli.evaluate import same_person
from stargan_cli.evaluate.same_person import Yardstick, portrait_rows

PEOPLE = tuple(f"{number // 5}" for number in range(20))
"""Four people, five photos each: 40 pairs of one person's, 150 of two people's."""


def photos() -> torch.Tensor:
    """One number each: people are 1 apart, one person's photos up to 0.4."""
    return torch.tensor([[number // 5 + 0.1 * (number % 5)] for number in range(20)])


def test_distances_are_placed_among_those_of_pairs():
    yardstick = Yardstick.of(photos(), PEOPLE)
    assert yardstick is not None and (len(yardstick.same), len(yardstick.different)) == (40, 150)
    assert yardstick.same.tolist() == sorted(yardstick.same.tolist())
    far = torch.tensor([0.0, 0.25, 0.5, 9.0])
    assert yardstick.below_same(far).tolist() == pytest.approx([0, (4 + 3) / 10, 1, 1])
    assert yardstick.below_different(far)[[0, 1, 3]].tolist() == [0, 0, 1]


def test_there_is_no_yardstick_with_few_pairs():
    assert Yardstick.of(photos(), tuple(str(number) for number in range(20))) is None
    assert Yardstick.of(photos(), ("one",) * 20) is None


def test_how_well_people_are_told_apart_is_a_share_of_couples_of_pairs():
    apart = Yardstick(torch.tensor([0.1, 0.2]), torch.tensor([0.3, 0.4]))
    mixed = Yardstick(torch.tensor([0.1, 0.4]), torch.tensor([0.2, 0.3]))
    alike = Yardstick(torch.zeros(2), torch.zeros(3))
    assert [one.told_apart for one in (apart, mixed, alike)] == [1, 0.5, 0.5]


def test_portraits_are_of_people_who_have_several_photos():
    """150 photos of CelebA's 20,000 are of some 140 people: they have no 20 pairs of one person's."""
    people = [f"{number % 1000}" for number in range(5000)] + [f"alone {number}" for number in range(500)]
    rows = portrait_rows(people)
    counts = Counter(people[row] for row in rows)
    assert len(counts) == 80 and set(counts.values()) == {3} and "987" in counts
    assert portrait_rows(["a", "b", "a", "c", "b"]) == [0, 2, 1, 4] and portrait_rows(["a", "b"]) == []
    assert portrait_rows(["a", None, "a", None]) == [0, 2]


def test_of_many_pairs_some_are_taken_always_the_same():
    descriptors = torch.rand(200, 2, generator=torch.Generator().manual_seed(0))
    people = tuple(f"{number % 2}" for number in range(200))
    yardstick, again = (Yardstick.of(descriptors, people) for _ in range(2))
    assert yardstick is not None and again is not None
    assert len(yardstick.same) == len(yardstick.different) == 2000 and torch.equal(yardstick.same, again.same)


def test_the_pairs_of_many_photos_are_not_all_held_in_memory(monkeypatch):
    """All 200 million of 20,000 photos took several GB. Those taken are every so many of all pairs, in order."""
    people = torch.randint(5, (40,), generator=torch.Generator().manual_seed(0))
    for alike in (True, False):
        every = [pair for pair in combinations(range(40), 2) if (people[pair[0]] == people[pair[1]]) == alike]
        for most in (50, 9000):
            monkeypatch.setattr(same_person, "MOST_PAIRS", most)
            count = min(most, len(every))
            assert same_person._pairs(people, alike).tolist() == [
                list(every[number * len(every) // count]) for number in range(count)
            ]
    monkeypatch.setattr(torch, "combinations", None)
    yardstick = Yardstick.of(torch.zeros(20_000, 2), tuple(f"{number // 20}" for number in range(20_000)))
    assert yardstick is not None
