"""How far what is watched shall be kept: as often as the data shows it with the target."""

from __future__ import annotations

import pytest
import torch

from stargan_cli.data.plausible import PICTURES_OF_ALL, Plausible

WOMAN, MAN = [0.0], [1.0]


def rows(*values: list[float]) -> torch.Tensor:
    return torch.tensor(values)


@pytest.fixture
def beards() -> Plausible:
    """1,000 women without a beard, 1,000 men of whom 400 have one."""
    labels = torch.tensor([0] * 1000 + [1] * 1000)[:, None]
    watched = torch.tensor([0] * 1600 + [1] * 400)[:, None]
    return Plausible(labels.to(torch.uint8), watched.to(torch.uint8))


def test_what_is_as_likely_there_is_kept(beards: Plausible) -> None:
    for person in (WOMAN, MAN):
        for beard in (0.0, 1.0):
            assert beards.kept(rows(person), rows(person), rows([beard])).tolist() == [[1.0]]
    assert beards.kept(rows(MAN), rows(WOMAN), rows([0.0])).tolist() == [[1.0]]  # likelier there


def test_what_is_rarer_there_is_kept_as_much_less(beards: Plausible) -> None:
    kept = beards.kept(rows(WOMAN, MAN), rows(MAN, WOMAN), rows([0.0], [1.0]))
    assert kept[0].item() == pytest.approx(0.6, abs=0.01)  # men without a beard, of women without
    assert kept[1].item() < 0.01  # women with one


def test_a_target_that_no_picture_shows_counts_as_all_of_them_do() -> None:
    labels = torch.tensor([[0, 0]] * 30 + [[0, 1]] * 10)
    found = Plausible(labels, torch.tensor([[1]] * 20 + [[0]] * 20))
    kept = found.kept(rows([0.0, 0.0]), rows([1.0, 1.0]), rows([1.0]))
    assert kept.item() == pytest.approx(0.5 / ((20 + PICTURES_OF_ALL / 2) / (30 + PICTURES_OF_ALL)))
