"""What is read from logits."""

from __future__ import annotations

import math

import pytest
import torch

from stargan_cli.labels import LabelLayout, LabelSet
from stargan_cli.labels.probabilities import as_read, probabilities

FACES = LabelSet("faces", ("Black_Hair", "Blond_Hair", "Male", "Young"), (("Black_Hair", "Blond_Hair"),))
MOODS = LabelSet("moods", ("happy", "sad", "angry"), kind="classes")


@pytest.mark.parametrize("scale", [0.1, 1.0, 5.0, 1000.0])
def test_a_picture_is_read_as_tensors_of_many_are(scale: float) -> None:
    logits = scale * torch.randn(50, 7, generator=torch.Generator().manual_seed(0))
    attributes, classes = probabilities(logits[:, :4], FACES), probabilities(logits[:, 4:], MOODS)
    attributes[:, :2] /= attributes[:, :2].sum(dim=1, keepdim=True).clamp_min(1)
    attributes[:, 2:] = attributes[:, 2:].clamp(0.01, 0.99)
    expected = torch.cat([attributes, classes], dim=1)
    found = [list(as_read(LabelLayout((FACES, MOODS)), row).values()) for row in logits.tolist()]
    assert torch.allclose(torch.tensor(found), expected, atol=0.0051)


def test_logits_that_are_no_numbers_are_not_taken_for_sure() -> None:
    assert all(map(math.isnan, as_read(LabelLayout((FACES,)), [math.nan] * 4).values()))
