"""Weights made from weights: the mean of several, and a stronger or weaker mask."""

from __future__ import annotations

import copy
import hashlib
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import torch
from torch import nn

from stargan_cli.errors import UsageError
from stargan_cli.weights.files import Weights

Network = TypeVar("Network", bound=nn.Module)


def averaged(all_weights: Sequence[Weights]) -> Weights:
    """The mean of every number of both networks; weights that are given twice count twice.

    The card is the first one's, without its measured quality and with the names of all files. The feature heads are the
    first one's: the vectors of their spectral normalisation cannot be averaged. Raises UsageError if the weights differ
    in their model settings, labels or strength, or if only some have a discriminator.
    """
    first = all_weights[0]
    for other in all_weights[1:]:
        if (other.card.model, other.card.layout.sets) != (first.card.model, first.card.layout.sets):
            raise UsageError(
                f"{other.path} and {first.path} cannot be averaged: their model settings or labels differ",
                "give weights with the same settings and attributes, preferably of one training run",
            )
        if strength_of(other) != strength_of(first):
            raise UsageError(
                f"{other.path} and {first.path} cannot be averaged: their strengths differ",
                "average the weights that they were made from, and give --strength with --mean",
            )
        if (other.discriminator is None) != (first.discriminator is None):
            raise UsageError(
                f"{other.path} and {first.path} cannot be averaged: only one of them has a discriminator",
                "export the other one with --no-discriminator first, for a mean without a discriminator",
            )
    parts = [f"{weights.path.name} (sha256 {weights.fingerprint[:16]})" for weights in all_weights]
    card = replace(first.card, training=first.card.training | {"mean_of": parts}, quality={})
    discriminators = [weights.discriminator for weights in all_weights if weights.discriminator is not None]
    return Weights(
        first.path.with_stem(f"{first.path.stem}-mean"),
        card,
        hashlib.sha256("".join(weights.fingerprint for weights in all_weights).encode()).hexdigest(),
        _mean([weights.generator for weights in all_weights]),
        _mean(discriminators) if discriminators else None,
        first.feature_heads,
        tuple(dict.fromkeys(source for weights in all_weights for source in weights.sources)),
    )


@torch.no_grad()
def _mean(networks: Sequence[Network]) -> Network:
    states = [network.state_dict() for network in networks]
    mean = copy.deepcopy(networks[0])
    mean.load_state_dict({name: torch.stack([state[name] for state in states]).mean(dim=0) for name in states[0]})
    return mean


def strengthened(weights: Weights, strength: float) -> Weights:
    """Weights whose mask m has `strength` times the odds m / (1 - m): 1 changes nothing, 2 turns m = 0.3 into 0.46.

    A mask of 0 stays 0. The card notes the strength and loses its measured quality. Raises UsageError for a strength
    that is not a finite number above 0, and for weights without a mask.
    """
    if not (math.isfinite(strength) and strength > 0):
        raise UsageError(f"--strength takes a number above 0, not {strength}")
    if strength == 1:
        return weights
    if weights.card.model.output != "attention":
        raise UsageError(f"{weights.path.name} has no mask: there is no strength to set", "leave out --strength")
    generator = copy.deepcopy(weights.generator)
    last = generator.last
    assert isinstance(last, nn.Conv2d) and last.bias is not None
    with torch.no_grad():
        last.bias[3] += math.log(strength)
    noted = {"strength": strength * strength_of(weights)}
    return replace(
        weights,
        card=replace(weights.card, training=weights.card.training | noted, quality={}),
        fingerprint=hashlib.sha256(f"{weights.fingerprint} {strength}".encode()).hexdigest(),
        generator=generator,
    )


def strength_of(weights: Weights) -> float:
    """The strength that the card notes; 1 is as trained."""
    strength: float = weights.card.training.get("strength", 1)
    return strength
