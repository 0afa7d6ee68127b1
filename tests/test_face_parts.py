"""What D is shown of a face, and which labels it judges by that."""

from __future__ import annotations

import pytest
import torch
from training_kit import FACES, MOODS, tiny_trainer

from stargan_cli.data import face_parts
from stargan_cli.data.face_parts import FACE, SURROUNDINGS, WHOLE

PARTS = torch.tensor([WHOLE, SURROUNDINGS, FACE])


def test_the_face_and_what_surrounds_it_are_shown_apart() -> None:
    pictures = torch.ones(3, 3, 64, 64)
    whole, surroundings, face = face_parts.shown(pictures, PARTS)
    assert torch.equal(whole, pictures[0])
    for across, down in ((32, 33), (32, 46), (24, 41), (40, 41)):  # between the eyes, mouth, cheeks, at 64 px
        assert surroundings[:, down, across].eq(0).all() and face[:, down, across].eq(1).all()
    for across, down in ((32, 8), (4, 32), (60, 32), (32, 63)):  # hair above, both sides, neck
        assert surroundings[:, down, across].eq(1).all() and face[:, down, across].eq(0).all()
    both = (surroundings == 1) & (face == 1)
    assert 0 < both.float().mean() < 0.1, "the outline of the face is in both, and little else"
    assert ((surroundings == 1) | (face == 1)).all(), "some place is never judged"


def test_what_is_hidden_gets_no_gradient() -> None:
    pictures = torch.ones(3, 3, 64, 64, requires_grad=True)
    shown = face_parts.shown(pictures, PARTS)
    shown.sum().backward()  # type: ignore[no-untyped-call]
    assert torch.equal(pictures.grad, (shown != 0).float())


def test_hair_is_judged_by_the_surroundings_and_the_rest_by_the_face() -> None:
    judged = face_parts.judged(PARTS, ("Blond_Hair", "Male", "Bald", "angry"))
    assert judged.tolist() == [[0, 0, 0, 0], [1, 0, 1, 0], [0, 1, 0, 1]]


def test_the_classification_learns_from_whole_pictures_too() -> None:
    learnt = face_parts.learnt(PARTS, ("Blond_Hair", "Male"))
    assert learnt.tolist() == [[1, 1], [1, 0], [0, 1]]


def test_parts_are_drawn_as_often_as_their_shares_say() -> None:
    parts = face_parts.drawn_parts(torch.rand(20_000, generator=torch.Generator().manual_seed(0)))
    for part, share in enumerate(face_parts.SHARES):
        assert (parts == part).float().mean().item() == pytest.approx(share, abs=0.015)


@pytest.mark.parametrize("label_set", [FACES, MOODS])
def test_a_run_judges_each_label_by_its_part_alone(label_set: object) -> None:
    trainer = tiny_trainer(label_set, face_apart=True)
    batch = trainer._batch(0, 0)
    seen = batch.shown(torch.ones(len(batch.real), 3, 16, 16))
    assert batch.judged is not None and batch.judged.shape == batch.source_classes.shape
    middle, corner = seen[:, 0, 10, 8] == 1, seen[:, 0, 0, 0] == 1
    around = torch.tensor([name in face_parts.AROUND_THE_FACE for name in trainer.layout.sets[0].attributes])
    for column, is_around in enumerate(around):
        expected = corner & ~middle if is_around else middle & ~corner
        assert torch.equal(batch.judged[:, column].bool(), expected)
        assert batch.learnt is not None
        assert torch.equal(batch.learnt[:, column].bool(), expected | (middle & corner))
    assert all(torch.isfinite(value) for value in trainer.iterate().values())
    without = tiny_trainer(label_set)._batch(0, 0)
    assert without.judged is None and torch.equal(without.real, batch.real)
