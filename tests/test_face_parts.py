"""Which part of a face a change leaves as it is."""

from __future__ import annotations

import torch
from training_kit import FACES, MOODS, tiny_trainer

from stargan_cli.data.face_parts import colour_stays, what_stays

ATTRIBUTES = ("Blond_Hair", "Male", "Young")
IN_THE_FACE = ((32, 33), (32, 46), (24, 41), (40, 41))  # between the eyes, mouth, cheeks, at 64 px
AROUND_IT = ((32, 8), (4, 32), (60, 32), (32, 63))  # hair above, both sides, neck


def stays(changes: list[int], size: int = 64) -> torch.Tensor:
    labels = torch.tensor([[0, 1, 1]])
    return what_stays(torch.zeros(1, 3, size, size), labels, (labels + torch.tensor([changes])) % 2, ATTRIBUTES)[0, 0]


def test_a_change_of_hair_leaves_the_face() -> None:
    mask = stays([1, 0, 0])
    assert all(mask[down, across] for across, down in IN_THE_FACE)
    assert not any(mask[down, across] for across, down in AROUND_IT)


def test_a_change_of_gender_leaves_what_surrounds_the_face() -> None:
    mask = stays([0, 1, 0])
    assert not any(mask[down, across] for across, down in IN_THE_FACE)
    assert all(mask[down, across] for across, down in AROUND_IT)


def test_age_and_changes_of_both_leave_nothing_and_no_change_leaves_both() -> None:
    assert not stays([0, 0, 1]).any() and not stays([1, 1, 0]).any()
    assert torch.equal(stays([0, 0, 0]), stays([1, 0, 0]) | stays([0, 1, 0]))
    assert not (stays([1, 0, 0]) & stays([0, 1, 0])).any()
    assert 0.8 < stays([0, 0, 0]).float().mean() < 0.95, "the outline of the face is free for both, and little else"


def test_colour_stays_in_the_face_and_everywhere_where_hair_does() -> None:
    pictures, labels = torch.zeros(3, 3, 64, 64), torch.tensor([[0, 1, 1]])
    changes = torch.tensor([[1, 0, 0], [1, 1, 1], [0, 1, 1]])
    mask = colour_stays(pictures, labels.expand(3, 3), (labels + changes) % 2, ATTRIBUTES)
    assert mask.shape == (3, 1, 64, 64)
    assert (mask[:2, 0, 41, 24] == 1).all() and (mask[:2, 0, 8, 32] == 0).all() and (mask[2] == 1).all()


def test_a_run_holds_parts_to_stay_if_told_so() -> None:
    batch = tiny_trainer(FACES, lambda_stay=1.0, single_share=0.9)._batch(0, 0)
    assert batch.stays is not None and batch.stays.shape == (4, 1, 16, 16)
    assert torch.equal(batch.stays, what_stays(batch.real, batch.source, batch.target, FACES.attributes))
    plain, tint = tiny_trainer(FACES, single_share=0.9), tiny_trainer(FACES, single_share=0.9, lambda_tint=1.0)
    assert plain._batch(0, 0).stays is None and plain._batch(0, 0).colour_stays is None
    expected = colour_stays(batch.real, batch.source, batch.target, FACES.attributes)
    assert torch.equal(tint._batch(0, 0).colour_stays, expected)


def test_classes_show_in_the_face() -> None:
    trainer = tiny_trainer(MOODS, lambda_stay=1.0)
    batch = trainer._batch(0, 0)
    assert batch.stays is not None
    same = (batch.source == batch.target).all(dim=1)
    assert torch.equal(batch.stays[:, 0, 10, 8], same)  # in the face
    assert batch.stays[:, 0, 0, 0].all()
    assert all(torch.isfinite(value) for value in trainer.iterate().values())
