"""Adaptive augmentation of what the discriminator sees."""

from __future__ import annotations

import pytest
import torch
from training_kit import FACES, tiny_trainer

from stargan_cli.datasets.draws import Draws
from stargan_cli.train.learning.adaptive import PICTURES, Augmentation
from stargan_cli.train.recipe.settings import LARGEST_AUGMENT

CPU = torch.device("cpu")


def adapted(augmentation: Augmentation, signs: list[float]) -> list[float]:
    """The probability after batches with these mean signs, in hundredths; a batch raises it by one."""
    found = []
    for sign in signs:
        augmentation.adapt(torch.tensor(sign), PICTURES // 100)
        found.append(round(100 * float(augmentation.probability)))
    return found


def test_it_rises_while_the_discriminator_is_surer_than_the_target_and_falls_while_less() -> None:
    assert adapted(Augmentation(0.2, 0.6, CPU), [0.9, 0.9, 0.9]) == [21, 22, 23]
    assert adapted(Augmentation(0.02, 0.6, CPU), [0.1, 0.1, 0.1]) == [1, 0, 0]


def test_it_goes_by_about_four_batches() -> None:
    assert adapted(Augmentation(0.2, 0.6, CPU), [1.0, 0.4, 0.4]) == [21, 22, 21]


def test_it_stays_below_where_the_changes_leak() -> None:
    augmentation = Augmentation(0.795, 0.6, CPU)
    adapted(augmentation, [1.0, 1.0])
    assert float(augmentation.probability) == pytest.approx(LARGEST_AUGMENT)


def test_without_a_target_the_probability_stays() -> None:
    assert adapted(Augmentation(0.3, 0.0, CPU), [1.0, -1.0]) == [30, 30]
    assert Augmentation(0.3, 0.0, CPU).state() == {}


def test_where_it_is_off_pictures_are_left_alone() -> None:
    pictures = torch.rand(2, 3, 8, 8)
    draws = Draws(torch.tensor(0), 2)
    assert Augmentation(0.0, 0.0, CPU)(pictures, draws) is pictures
    assert not torch.equal(Augmentation(0.8, 0.0, CPU)(pictures, draws), pictures)


def test_the_probability_is_part_of_a_runs_state() -> None:
    chosen = {"augment": 0.2, "augment_target": 0.6, "adversarial": "nonsaturating"}
    first, second = tiny_trainer(FACES, **chosen), tiny_trainer(FACES, **chosen)
    before = float(first.augmentation.probability)
    losses = first.iterate()
    assert -1 <= float(losses["D/sign"]) <= 1
    assert float(losses["D/augment"]) == float(first.augmentation.probability) != before
    second.load_state(first.state(), 1)
    assert torch.equal(second.augmentation.probability, first.augmentation.probability)
    assert torch.equal(second.augmentation.overfitting, first.augmentation.overfitting)
    older = {name: tensor for name, tensor in first.state().items() if not name.startswith("augmentation.")}
    tiny_trainer(FACES, **chosen).load_state(older, 1)
