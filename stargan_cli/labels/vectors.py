"""Labels of one data set -> what the generator is given."""

from __future__ import annotations

from typing import TypeVar

from torch import Tensor

from stargan_cli.labels import LabelLayout, LabelSet

SURE = 0.6
"""Of 1: how sure of a label the generator is told to be, where the classifier is."""


def layout_vector(labels: Tensor, layout: LabelLayout, set_index: int) -> Tensor:
    """One set's labels (N, k) in the generator's full label vector (N, label_dim): zeros elsewhere, mask entry 1."""
    full = labels.new_zeros(len(labels), layout.label_dim)
    full[:, layout.positions(set_index)] = labels
    mask = layout.mask_position(set_index)
    if mask is not None:
        full[:, mask] = 1
    return full


Chance = TypeVar("Chance", float, Tensor)


def in_doubt(chance: Chance) -> Chance:
    """How probable a label is, as read from a picture, in [0, 1] -> what the generator is told: what is read is never
    certain, what somebody says is. So it need not change what it is told in doubt, however wrong the reading."""
    return 0.5 + SURE * (chance - 0.5)


def unnamed_groups_off(labels: Tensor, named: Tensor, label_set: LabelSet) -> Tensor:
    """`labels` (N, k) with the exclusive groups off of which a row names no member.

    `named`: bool (N, k). It is what `translate` gives where `LabelLayout.unset_stays`.
    """
    labels = labels.clone()
    for group in label_set.groups:
        columns = [label_set.attributes.index(name) for name in group]
        labels[:, columns] *= named[:, columns].any(dim=1, keepdim=True)
    return labels
