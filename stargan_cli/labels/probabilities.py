"""Logits of a classification -> how likely each label is, and what is decided."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from stargan_cli.labels import LabelSet


def probabilities(logits: Tensor, label_set: LabelSet) -> Tensor:
    """Logits (N, k) -> how likely each label is on: each on its own for attributes, sharing 1 among classes."""
    return logits.float().softmax(1) if label_set.kind == "classes" else logits.float().sigmoid()


def decisions(chances: Tensor, label_set: LabelSet) -> Tensor:
    """Probabilities (N, k) -> labels uint8 (N, k): attributes above 1/2; of classes the likeliest."""
    if label_set.kind == "classes":
        return F.one_hot(chances.argmax(1), chances.shape[1]).to(torch.uint8)
    return (chances > 0.5).to(torch.uint8)
