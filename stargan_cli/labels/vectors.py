"""Labels -> label vectors for the generator."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

import torch
from torch import Tensor

from stargan_cli.labels import Change, LabelLayout, SourceLabels, passes, target_label
from stargan_cli.labels.probabilities import decisions

SURE = 0.6
"""The width of the range of soft labels, around 1/2."""


def layout_vector(labels: Tensor, layout: LabelLayout, set_index: int) -> Tensor:
    """One set's labels (N, k) in the generator's full label vector (N, label_dim): zeros elsewhere, mask entry 1."""
    full = labels.new_zeros(len(labels), layout.label_dim)
    full[:, layout.positions(set_index)] = labels
    mask = layout.mask_position(set_index)
    if mask is not None:
        full[:, mask] = 1
    return full


Probability = TypeVar("Probability", float, Tensor)


def soft_label(probability: Probability) -> Probability:
    """The probability of a label, read from a picture (0..1) -> a soft label (0.2..0.8): a reading is never certain."""
    return 0.5 + SURE * (probability - 0.5)


def as_trained(values: Sequence[float], layout: LabelLayout, set_index: int) -> list[float]:
    """One set's source labels, probabilities (0..1), in the form that the generator was trained with.

    Weights trained with `--keep-unset` (`LabelLayout.unset_stays`) know soft labels of attributes outside groups. All
    other weights know only 0 and 1. A label of 0 or 1 stays as it is.
    """
    if all(value in (0, 1) for value in values):
        return list(values)
    label_set = layout.sets[set_index]
    if not layout.unset_stays:
        (decided,) = decisions(torch.tensor([values]), label_set).tolist()
        return [float(value) for value in decided]
    named = zip(label_set.attributes, values, strict=True)
    return [v if v in (0, 1) or label_set.group_of(name) else soft_label(v) for name, v in named]


def pass_vectors(layout: LabelLayout, known: SourceLabels, changes: Iterable[Change]) -> list[list[float]]:
    """One label vector (label_dim numbers) for each pass over a picture with source labels `known` (else 0)."""
    vectors = []
    for index, values in passes(layout, changes):
        now = [known.get((index, name), 0.0) for name in layout.sets[index].attributes]
        vectors.append(target_label(layout, index, values, as_trained(now, layout, index)))
    return vectors
