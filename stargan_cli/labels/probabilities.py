"""Logits of a classification -> how likely each label is, and what is decided."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

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
    0.99): 0 and 1 are what somebody says. In plain Python, as tensors of a few numbers take ten times as long.
    """
    known: Known = {}
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
    """What `probabilities` gives for one picture."""
    if kind == "attributes":
        return [0.5 + 0.5 * math.tanh(logit / 2) for logit in logits]
    largest = max(logits)
    shares = [math.exp(logit - largest) for logit in logits]
    return [share / sum(shares) for share in shares]
