"""Labels of one data set -> what the generator is given."""

from __future__ import annotations

from torch import Tensor

from stargan_cli.attributes import LabelLayout, LabelSet


def layout_vector(labels: Tensor, layout: LabelLayout, set_index: int) -> Tensor:
    """One set's labels (N, k) in the generator's full label vector (N, label_dim): zeros elsewhere, mask entry 1."""
    full = labels.new_zeros(len(labels), layout.label_dim)
    full[:, layout.positions(set_index)] = labels
    mask = layout.mask_position(set_index)
    if mask is not None:
        full[:, mask] = 1
    return full


def unnamed_groups_off(labels: Tensor, named: Tensor, label_set: LabelSet) -> Tensor:
    """`labels` (N, k) with the exclusive groups off of which a row names no member.

    `named`: bool (N, k). It is what `translate` gives where `LabelLayout.unset_stays`.
    """
    labels = labels.clone()
    for group in label_set.groups:
        columns = [label_set.attributes.index(name) for name in group]
        labels[:, columns] *= named[:, columns].any(dim=1, keepdim=True)
    return labels
