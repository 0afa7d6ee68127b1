"""Logits of a classification -> how likely each label is, and what is decided."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from stargan_cli.labels import LabelLayout, LabelSet

Known = dict[tuple[int, str], float]
"""Source labels by label set and attribute, as far as they are known, in [0, 1]."""


def probabilities(logits: Tensor, label_set: LabelSet) -> Tensor:
    """Logits (N, k) -> how likely each label is on: each on its own for attributes, sharing 1 among classes."""
    return logits.float().softmax(1) if label_set.kind == "classes" else logits.float().sigmoid()


def decisions(likely: Tensor, label_set: LabelSet) -> Tensor:
    """Probabilities (N, k) -> labels uint8 (N, k): attributes above 1/2; of classes the likeliest."""
    if label_set.kind == "classes":
        return F.one_hot(likely.argmax(1), likely.shape[1]).to(torch.uint8)
    return (likely > 0.5).to(torch.uint8)


def as_read(layout: LabelLayout, logits: Sequence[float]) -> Known:
    """`class_dim` logits -> how probable each attribute is, to two decimals.

    Classes add up to 1, the members of an exclusive group to 1 at most; single attributes are never certain (0.01 to
    0.99): 0 and 1 are what somebody says.
    """
    known: Known = {}
    for index, label_set in enumerate(layout.sets):
        (values,) = probabilities(torch.tensor([logits[layout.positions(index)]]), label_set)
        for group in label_set.all_groups:
            members = [label_set.attributes.index(name) for name in group]
            values[members] /= values[members].sum().clamp_min(1)
        single = [place for place, name in enumerate(label_set.attributes) if not label_set.group_of(name)]
        values[single] = values[single].clamp(0.01, 0.99)
        known |= {(index, name): round(p, 2) for name, p in zip(label_set.attributes, values.tolist(), strict=True)}
    return known
