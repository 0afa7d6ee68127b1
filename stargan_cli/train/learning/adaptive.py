"""Adaptive discriminator augmentation (Karras et al., NeurIPS 2020): more often where the discriminator overfits."""

from __future__ import annotations

import torch
from torch import Tensor

from stargan_cli.datasets import augment
from stargan_cli.datasets.draws import Draws
from stargan_cli.train.recipe.settings import LARGEST_AUGMENT

PICTURES = 500_000
"""The number of real pictures over which the probability rises from 0 to 1."""
_NEWEST = 0.25  # weight of the newest batch: averages over about four, as in the paper


class Augmentation:
    """Augments pictures for the discriminator with `probability`, a float () on the device in 0..`LARGEST_AUGMENT`.

    `overfitting` is the mean sign of the discriminator's output on real pictures (-1..1). With a `target` (section 3.1
    of the paper) the probability rises while `overfitting` is above the target, and falls while it is below.
    """

    def __init__(self, probability: float, target: float, device: torch.device) -> None:
        self.on, self.target = probability > 0 or target > 0, target
        self.probability = torch.tensor(probability, device=device)
        self.overfitting = torch.tensor(target, device=device)

    def __call__(self, pictures: Tensor, draws: Draws) -> Tensor:
        """Augment pictures (N, 3, S, S)."""
        return augment.changed(pictures, self.probability, draws) if self.on else pictures

    @torch.no_grad()
    def adapt(self, sign: Tensor, pictures: int) -> None:
        """Adapt the probability to `sign`, the mean sign over one batch of `pictures` real pictures."""
        if self.target:
            self.overfitting.lerp_(sign, _NEWEST)
            rise = torch.sign(self.overfitting - self.target) * (pictures / PICTURES)
            self.probability.add_(rise).clamp_(0, LARGEST_AUGMENT)

    def state(self) -> dict[str, Tensor]:
        """The tensors for a checkpoint; none if the probability is fixed, since the settings have it."""
        if not self.target:
            return {}
        return {"augmentation.probability": self.probability, "augmentation.overfitting": self.overfitting}

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Restore what `state` returned, if anything."""
        for name, value in self.state().items():
            if name in tensors:
                value.copy_(tensors[name])
