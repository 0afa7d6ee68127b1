"""Calibrated probabilities by temperature scaling (Guo et al., ICML 2017)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from stargan_cli.labels import LabelSet

COLDEST, HOTTEST, STEPS = 0.1, 10.0, 201


def fitting_loss(logits: Tensor, labels: Tensor, label_set: LabelSet) -> Tensor:
    """The training loss () of logits (N, k) and labels uint8 (N, k): the mean binary cross-entropy for attributes, the
    cross-entropy for classes."""
    if label_set.kind == "classes":
        return F.cross_entropy(logits, labels.argmax(1))
    return F.binary_cross_entropy_with_logits(logits, labels.float())


def temperatures(logits: Tensor, labels: Tensor, label_set: LabelSet) -> Tensor:
    """The numbers to divide the logits by, (k,) in [0.1, 10], that minimise the loss: one for each attribute, or the
    same one for all classes. The logits and labels (N, k) must come from pictures that were not trained on."""
    candidates = torch.logspace(torch.tensor(COLDEST).log10(), torch.tensor(HOTTEST).log10(), STEPS).tolist()
    count = logits.shape[1]
    if label_set.kind == "classes":
        best = min(candidates, key=lambda t: float(fitting_loss(logits / t, labels, label_set)))
        return torch.full((count,), best)
    target = labels.double()
    rows = [
        F.binary_cross_entropy_with_logits(logits.double() / t, target, reduction="none").mean(0) for t in candidates
    ]
    return torch.tensor(candidates)[torch.stack(rows).argmin(0)]
