"""What pictures are translated to in training."""

from __future__ import annotations

import torch

from stargan_cli.attributes import LabelSet
from stargan_cli.tasks.training_targets import training_targets

HAIR = LabelSet("faces", ("Black_Hair", "Blond_Hair", "Male"), (("Black_Hair", "Blond_Hair"),))
LABELS = torch.tensor([[1, 0, 0], [0, 1, 1], [0, 0, 1], [0, 0, 0], [1, 0, 1], [0, 1, 0], [0, 0, 1], [1, 0, 0]]).float()


def drawn(seed: int, own_share: float = 0.0, keep_unset: bool = False) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    return training_targets(LABELS, HAIR, random, own_share=own_share, keep_unset=keep_unset)


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
