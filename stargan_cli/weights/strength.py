"""How far G's changes go: the odds of its mask, made larger or smaller."""

from __future__ import annotations

import copy
import hashlib
import math
from dataclasses import replace

import torch
from torch import nn

from stargan_cli.errors import UsageError
from stargan_cli.weights.files import Weights


def strengthened(weights: Weights, strength: float) -> Weights:
    """Weights whose mask m has `strength` times the odds m / (1 - m): 1 is as trained, 2 makes 0.3 of a change 0.46.

    What the mask leaves alone (0) stays so. The card notes it, and is without its measured quality. Raises UsageError
    for a strength that is not a number above 0, and for weights without a mask.
    """
    if not (math.isfinite(strength) and strength > 0):
        raise UsageError(f"--strength takes a number above 0, not {strength}")
    if strength == 1:
        return weights
    if weights.card.model.output != "attention":
        raise UsageError(
            f"{weights.path.name} draws whole pictures, without a mask: there is no strength to set",
            "leave --strength away",
        )
    generator = copy.deepcopy(weights.generator)
    last = generator.main[-1]
    assert isinstance(last, nn.Conv2d) and last.bias is not None
    with torch.no_grad():
        last.bias[3] += math.log(strength)
    noted = {"strength": strength * weights.card.training.get("strength", 1)}
    return replace(
        weights,
        card=replace(weights.card, training=weights.card.training | noted, quality={}),
        fingerprint=hashlib.sha256(f"{weights.fingerprint} {strength}".encode()).hexdigest(),
        generator=generator,
    )
