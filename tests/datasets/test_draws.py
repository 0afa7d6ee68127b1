"""Random numbers out of a key: known values, even spread, the same whoever asks."""

from __future__ import annotations

import pytest
import torch

from stargan_cli.datasets.draws import Draws, key, permutation, stream

STEP = torch.tensor(3)


def test_they_are_those_of_splitmix64() -> None:
    """The first five from the state 1234567, as in the test values that its ports share."""
    known = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821]
    assert [value % 2**64 for value in stream(torch.tensor(1234567), 5).tolist()] == known


def test_uniform_and_normal_numbers_have_their_moments() -> None:
    draws = Draws(key(STEP, 0, 7), 100_000)
    uniform, normal = draws.uniform(2), draws.normal(2)
    assert uniform.min() >= 0 and uniform.max() < 1
    torch.testing.assert_close(uniform.mean(1), torch.full((2,), 0.5), atol=0.005, rtol=0)
    torch.testing.assert_close(uniform.var(1), torch.full((2,), 1 / 12), atol=0.002, rtol=0)
    torch.testing.assert_close(normal.mean(1), torch.zeros(2), atol=0.02, rtol=0)
    torch.testing.assert_close(normal.std(1), torch.ones(2), atol=0.02, rtol=0)
    together = torch.corrcoef(torch.cat([uniform, normal]))
    assert (together - torch.eye(4)).abs().max() < 0.02


def test_every_part_of_the_key_counts() -> None:
    parts = [(s, a, b) for s in range(4) for a in range(4) for b in range(4)]
    assert len({int(key(torch.tensor(s), a, b)) for s, a, b in parts}) == len(parts)


def test_each_call_gives_new_numbers_and_the_same_key_the_same() -> None:
    draws = Draws(key(STEP, 1), 5)
    first = torch.cat([draws.uniform(n) for n in (1, 30, 40, 1)])
    assert len(first.unique()) > 350
    again = Draws(key(STEP, 1), 5)
    assert torch.equal(first, torch.cat([again.uniform(n) for n in (1, 30, 40, 1)]))


def test_rows_get_their_part_of_the_whole_batchs_numbers() -> None:
    whole, part = Draws(STEP, 7), Draws(STEP, 7, slice(2, 5))
    assert torch.equal(whole.uniform(3)[:, 2:5], part.uniform(3))
    assert torch.equal(whole.normal()[2:5], part.normal())
    assert torch.equal(whole.order(), part.order())


@pytest.mark.parametrize("count", [1, 2, 1000])
def test_permutations_hold_everything_once(count: int) -> None:
    first, second = permutation(key(STEP, 1), count), permutation(key(STEP, 2), count)
    assert first.sort().values.tolist() == list(range(count))
    assert count < 1000 or not torch.equal(first, second)
    assert sorted(Draws(STEP, count).order().tolist()) == list(range(count))
