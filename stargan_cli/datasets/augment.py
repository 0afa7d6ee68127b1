"""Random changes of training pictures, on the device and in batches."""

from __future__ import annotations

import torch
from torch import Tensor

from stargan_cli.datasets.draws import Draws
from stargan_cli.datasets.moves import Move


def flip(pictures: Tensor, draws: Draws) -> Tensor:
    """Mirror each picture of (N, 3, S, S) with probability 1/2."""
    mirrored = draws.uniform() < 0.5
    return torch.where(mirrored[:, None, None, None], pictures.flip(3), pictures)


def jitter(pictures: Tensor, amount: float, draws: Draws) -> Tensor:
    """Move each picture of (N, 3, S, S) at random, by `amount` (see `Move.random`). Differentiable."""
    return Move.random(amount, draws).of(pictures)


def colour_jitter(pictures: Tensor, amount: float, draws: Draws) -> Tensor:
    """Simulate other light on pictures (N, 3, S, S) in [-1, 1]: multiply exposure, contrast and saturation of each by
    up to 1 +- amount, and each of its channels by up to 1 +- amount / 4. The result is clipped to [-1, 1]."""
    exposure, contrast, saturation = (1 + (draws.uniform(3) * 2 - 1) * amount)[..., None, None, None]
    channels = 1 + (draws.uniform(3).T[..., None, None] * 2 - 1) * amount / 4
    light = (pictures + 1) * exposure * channels
    mean = light.mean(dim=(1, 2, 3), keepdim=True)
    light = _saturated(mean + (light - mean) * contrast, saturation)
    return (light - 1).clamp(-1, 1)


def changed(pictures: Tensor, probability: Tensor, draws: Draws) -> Tensor:
    """Augment pictures (N, 3, S, S) for the discriminator: each change is made with `probability`, a float ().

    The changes and their strengths are those of Karras et al. (NeurIPS 2020, appendix B): shift, scale, stretch,
    rotation, brightness, contrast and saturation. Mirroring and quarter turns are left out, and so is hue rotation,
    since hair colours are labels. Bilinear; differentiable.
    """
    shift, scale, stretch, turn, brightness, contrast, saturation = (draws.uniform(7) < probability).float()
    across, down, larger, wider, brighter, harder, richer = draws.normal(7)
    size, shape = torch.exp2(0.2 * larger * scale), torch.exp2(0.2 * wider * stretch)
    angle = torch.pi * (2 * draws.uniform() - 1) * turn
    move = Move.rectangle(0.125 * across * shift, 0.125 * down * shift, size * shape, size / shape, angle)
    added, factor, chroma = (
        value[:, None, None, None]
        for value in (0.2 * brighter * brightness, torch.exp2(0.5 * harder * contrast), torch.exp2(richer * saturation))
    )
    made: Tensor = (_saturated(move.of(pictures), chroma) + added) * factor
    return made


def _saturated(pictures: Tensor, factor: Tensor) -> Tensor:
    """Multiply the distance from grey of each pixel of (N, 3, S, S) by `factor` (N, 1, 1, 1)."""
    grey = pictures.mean(dim=1, keepdim=True)
    return grey + (pictures - grey) * factor
