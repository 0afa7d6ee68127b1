"""Who teaches what: prototypes faces, recolouring hair, and a generator the rest."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from training_kit import FACES, MOODS, random_pictures, tiny_trainer

from stargan_cli.attributes import LabelLayout
from stargan_cli.data.hair import recoloured, where_hair_is
from stargan_cli.data.prototypes import Prototypes
from stargan_cli.data.stains import without_stains
from stargan_cli.losses import Batch
from stargan_cli.tasks.lessons import Lessons

LAYOUT = LabelLayout((FACES, MOODS))
MALE, HAIR, BOTH = [0, 0, 1], [1, 1, 0], [1, 1, 1]


def painter(pictures: Tensor, targets: Tensor) -> Tensor:
    """Paints the upper half in the colour of hair that is asked for, and the lower darker for men."""
    made = pictures.clone()
    half = pictures.shape[-1] // 2
    made[:, :, :half] = (1.4 * targets[:, 1] - 0.9)[:, None, None, None]
    made[:, :, half:] -= 0.1 * targets[:, 2, None, None, None]
    return made.clamp(-1, 1)


def batch(changes: list[int]) -> Batch:
    """Black-haired, of one gender, and all to change alike."""
    labels = torch.tensor([[1.0, 0, 0]]).repeat(4, 1)
    targets = (labels + torch.tensor([changes])) % 2
    return replace(tiny_trainer(FACES, MOODS)._batch(0, 0), source_classes=labels, target_classes=targets)


def taught(changes: list[int], strengths: dict[str, float] | None = None, recolour: bool = False) -> Tensor:
    pictures = random_pictures(FACES, 12, 16, 0)
    return Lessons(painter, LAYOUT, 0, pictures, strengths or {}, recolour).of(batch(changes))


def painted(changes: list[int]) -> Tensor:
    one = batch(changes)
    made = painter(one.real, one.target_classes)
    return without_stains(one.real, made, one.source_classes, one.target_classes, FACES.attributes)


def dyed(pictures: Tensor, changes: list[int]) -> Tensor:
    one = batch(changes)
    black, blond = (painter(one.real, torch.tensor([[1.0 - light, light, 0]]).repeat(4, 1)) for light in (0.0, 1.0))
    hair = where_hair_is(one.real, black, blond)
    assert hair.mean() > 0.1
    return recoloured(pictures, hair, one.target_classes, FACES.attributes)


def shown() -> Tensor:
    one = batch(MALE)
    known = Prototypes(random_pictures(FACES, 12, 16, 0), {"Male": 2.0})
    change = known.changes(one.real, one.source_classes, one.target_classes)
    assert change.any()
    return change


@pytest.mark.parametrize("changes", [MALE, HAIR, BOTH])
def test_alone_the_teacher_teaches_everything(changes: list[int]) -> None:
    assert torch.equal(taught(changes), painted(changes))


def test_prototypes_teach_the_faces_that_they_are_told_to() -> None:
    male = {"Male": 2.0, "happy": 1.0}  # which is another set's
    assert torch.equal(taught(MALE, male), (batch(MALE).real + shown()).clamp(-1, 1))
    assert torch.equal(taught(HAIR, male), painted(HAIR))
    assert torch.equal(taught(BOTH, male), (painted(HAIR) + shown()).clamp(-1, 1))


def test_recolouring_teaches_hair() -> None:
    real = batch(HAIR).real
    assert torch.equal(taught(HAIR, recolour=True), dyed(real, HAIR))
    assert torch.equal(taught(MALE, recolour=True), painted(MALE))
    assert torch.equal(taught(BOTH, recolour=True), dyed(painted(MALE), BOTH))


def test_with_both_the_teacher_only_shows_where_hair_is() -> None:
    told: dict[str, Any] = {"strengths": {"Male": 2.0}, "recolour": True}
    real = batch(BOTH).real
    assert torch.equal(taught(BOTH, **told), (dyed(real, BOTH) + shown()).clamp(-1, 1))
    assert torch.equal(taught([0, 0, 0], **told), real)
