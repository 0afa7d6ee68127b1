"""How often what the discriminator sees is changed: more often where it learns real pictures by heart."""

from __future__ import annotations

import torch
from torch import Tensor

from stargan_cli.datasets import augment
from stargan_cli.datasets.draws import Draws
from stargan_cli.train.recipe.settings import LARGEST_AUGMENT

PICTURES = 500_000
"""So many pictures take the probability from 0 to 1."""
_NEWEST = 0.25  # the sign counts over about four batches, as in the paper


class Augmentation:
    """Changes pictures for the discriminator with `probability`, a float () on the device in 0..`LARGEST_AUGMENT`.

    With a `target` (section 3.1 of the same paper) the probability rises while the mean sign of what the discriminator
    says of real pictures, `overfitting` (-1..1), is above it, and falls while it is below.
    """

    def __init__(self, probability: float, target: float, device: torch.device) -> None:
        self.on, self.target = probability > 0 or target > 0, target
        self.probability = torch.tensor(probability, device=device)
        self.overfitting = torch.tensor(target, device=device)

    def __call__(self, pictures: Tensor, draws: Draws) -> Tensor:
        """Pictures (N, 3, S, S) as the discriminator sees them."""
        return augment.changed(pictures, self.probability, draws) if self.on else pictures

    @torch.no_grad()
    def adapt(self, sign: Tensor, pictures: int) -> None:
        """`sign` is the mean over one batch, of `pictures` real ones."""
        if self.target:
            self.overfitting.lerp_(sign, _NEWEST)
            rise = torch.sign(self.overfitting - self.target) * (pictures / PICTURES)
            self.probability.add_(rise).clamp_(0, LARGEST_AUGMENT)

    def state(self) -> dict[str, Tensor]:
        """What a checkpoint holds of it; a probability that stays is a setting."""
        if not self.target:
            return {}
        return {"augmentation.probability": self.probability, "augmentation.overfitting": self.overfitting}

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Take over what `state` gave, if anything."""
        for name, value in self.state().items():
            if name in tensors:
                value.copy_(tensors[name])
