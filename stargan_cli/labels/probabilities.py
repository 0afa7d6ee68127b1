"""Class logits -> probabilities of labels -> decided labels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from stargan_cli.labels import LabelLayout, LabelSet, SourceLabels


def probabilities(logits: Tensor, label_set: LabelSet) -> Tensor:
    """Logits (N, k) -> probabilities (N, k): a sigmoid for each attribute, a softmax over classes."""
    return logits.float().softmax(1) if label_set.kind == "classes" else logits.float().sigmoid()


def decisions(likely: Tensor, label_set: LabelSet) -> Tensor:
    """Probabilities (N, k) -> labels uint8 (N, k): 1 for attributes above 1/2, and for the likeliest class."""
    if label_set.kind == "classes":
        return F.one_hot(likely.argmax(1), likely.shape[1]).to(torch.uint8)
    return (likely > 0.5).to(torch.uint8)


def as_read(layout: LabelLayout, logits: Sequence[float]) -> SourceLabels:
    """`class_dim` logits -> the probability of each attribute, to two decimals.

    Classes add up to 1, the members of an exclusive group to at most 1. Attributes outside groups are 0.01..0.99: 0 and
    1 are labels that a user gives. In plain Python, as tensors of a few numbers take ten times as long.
    """
    known: SourceLabels = {}
    for index, label_set in enumerate(layout.sets):
        likely = dict(zip(label_set.attributes, _likely(logits[layout.positions(index)], label_set.kind), strict=True))
        single = dict.fromkeys(likely)
        for group in label_set.all_groups:
            total = max(1.0, sum(likely[name] for name in group))
            for name in group:
                likely[name] /= total
                single.pop(name, None)
        for name in single:
            likely[name] = min(max(likely[name], 0.01), 0.99)
        known |= {(index, name): round(value, 2) for name, value in likely.items()}
    return known


def _likely(logits: Sequence[float], kind: Literal["attributes", "classes"]) -> list[float]:
    """`probabilities` for one picture."""
    if kind == "attributes":
        return [0.5 + 0.5 * math.tanh(logit / 2) for logit in logits]
    largest = max(logits)
    shares = [math.exp(logit - largest) for logit in logits]
    return [share / sum(shares) for share in shares]
