"""What pictures are translated to in training."""

from __future__ import annotations

from typing import Any

import torch

from stargan_cli.datasets.draws import Draws
from stargan_cli.labels import LabelSet
from stargan_cli.train.learning.targets import TargetRule
from stargan_cli.train.recipe.settings import TrainSettings

HAIR = LabelSet("faces", ("Black_Hair", "Blond_Hair", "Male"), (("Black_Hair", "Blond_Hair"),))
LABELS = torch.tensor([[1, 0, 0], [0, 1, 1], [0, 0, 1], [0, 0, 0], [1, 0, 1], [0, 1, 0], [0, 0, 1], [1, 0, 0]]).float()


def targets_of(labels: torch.Tensor, label_set: LabelSet, seed: int, **options: Any) -> torch.Tensor:
    rule = TargetRule.of(label_set, torch.device("cpu"), TrainSettings(**options))
    return rule.targets(labels, Draws(torch.tensor(seed), len(labels)))


def drawn(seed: int, **options: Any) -> torch.Tensor:
    return targets_of(LABELS, HAIR, seed, **options)


def test_targets_are_the_labels_of_the_batch_in_another_order() -> None:
    for seed in range(20):
        assert sorted(drawn(seed).tolist()) == sorted(LABELS.tolist())
    assert any(not torch.equal(drawn(seed), LABELS) for seed in range(3))


def test_a_share_of_the_targets_is_the_own_label() -> None:
    for seed in range(20):
        assert torch.equal(drawn(seed, own_share=0.3)[:2], LABELS[:2])
        assert torch.equal(drawn(seed, own_share=0.3)[2:], drawn(seed)[2:])


def test_a_target_without_a_member_of_a_group_leaves_the_group_as_it_is() -> None:
    for seed in range(20):
        shuffled, kept = drawn(seed), drawn(seed, keep_unset=True)
        for own, before, after in zip(LABELS.tolist(), shuffled.tolist(), kept.tolist(), strict=True):
            assert after[2] == before[2]
            assert after[:2] == (before[:2] if any(before[:2]) else own[:2])
    assert LABELS.tolist()[2:4] == [[0, 0, 1], [0, 0, 0]]  # the labels themselves are left alone


def test_what_is_not_named_gets_a_soft_label_and_a_group_none_at_all() -> None:
    own = torch.tensor([[1, 0, 0], [1, 0, 0], [1, 0, 0], [1, 0, 0]]).float()
    targets = torch.tensor([[0, 1, 0], [1, 0, 1], [1, 0, 0], [1, 0, 0]]).float()
    read = torch.tensor([[0.5, 0.25, 0.0], [0.5, 0.25, 1.0], [0.5, 0.25, 1.0], [0.5, 0.25, 0.0]])
    everything = torch.tensor([[False], [False], [False], [True]])
    asked = TargetRule.of(HAIR, torch.device("cpu"), TrainSettings()).asked(own, targets, read, everything)
    expected = torch.tensor([[0, 1, 0.2], [0, 0, 1], [0, 0, 0.8], [1, 0, 0]])
    assert torch.allclose(asked, expected)
    assert targets[2].tolist() == [1, 0, 0], "the targets themselves are left alone"


def test_a_share_of_the_targets_differs_in_one_thing_alone() -> None:
    seen = set()
    for seed in range(40):
        targets = drawn(seed, own_share=0.3, single_share=0.5)  # two and four of eight
        assert torch.equal(targets[:2], LABELS[:2])
        assert torch.equal(targets[6:], drawn(seed)[6:])
        for own, target in zip(LABELS[2:6].tolist(), targets[2:6].tolist(), strict=True):
            hair, gender = own[:2] != target[:2], own[2] != target[2]
            assert hair != gender
            assert sum(target[:2]) == (1 if hair else sum(own[:2]))
            seen.add((tuple(own), tuple(target)))
    # one picture in black and one in blond, two without a colour: each hair that is not its own, and the other gender
    assert len(seen) == 2 + 2 + 3 + 3


def test_a_group_whose_members_are_all_on_comes_down_to_one() -> None:
    labels = torch.ones(8, 3)
    targets = targets_of(labels, HAIR, 0, single_share=0.9)[:7]
    assert {tuple(target) for target in targets.tolist()} <= {(1, 0, 1), (0, 1, 1), (1, 1, 0)}
    assert any(sum(target[:2]) == 1 for target in targets.tolist())


def test_of_classes_another_one_is_set() -> None:
    moods = LabelSet("moods", ("happy", "sad", "angry"), kind="classes")
    labels = torch.eye(3).repeat(4, 1)
    seen = set()
    for seed in range(10):
        targets = targets_of(labels, moods, seed, single_share=0.99)[:11]
        assert targets.sum(dim=1).eq(1).all() and (targets * labels[:11]).sum() == 0
        seen |= set(zip(labels.argmax(1).tolist(), targets.argmax(1).tolist(), strict=False))
    assert len(seen) == 6
