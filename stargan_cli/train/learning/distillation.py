"""Distil a generator: it learns the mean of the changes that it made of several views of each picture.

What a generator draws differently in each view, such as a stain on one cheek, is weaker in the mean. This is data
distillation (Radosavovic et al., CVPR 2018), for pictures.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from stargan_cli.datasets.draws import Draws
from stargan_cli.datasets.moves import Move
from stargan_cli.model import Generator, Translation

VIEWS = 2


class MeanChange(NamedTuple):
    """The mean of what is added to N pictures, (N, 3, S, S), and of its mask, (N, 1, S, S). `seen` (N, 1, S, S) is
    False where no view shows the picture; the means are 0 there."""

    added: Tensor
    mask: Tensor
    seen: Tensor


class Teacher:
    """A generator that does not learn, `network`, and `translate`, which computes its translations.

    Views of pictures are moved at random by `jitter` (see `Move.random`); with `mirror` every other one is mirrored.
    """

    def __init__(
        self, network: Generator, translate: Callable[[Tensor, Tensor], Translation], jitter: float, mirror: bool
    ) -> None:
        self.network, self._translate, self._jitter, self._mirror = network, translate, jitter, mirror

    @torch.no_grad()
    def mean_change(self, pictures: Tensor, targets: Tensor, draws: Draws) -> MeanChange:
        """The mean change of pictures (N, 3, S, S) with target label vectors (N, label_dim), over `VIEWS` views of
        each."""
        moves = [Move.random(self._jitter, draws) for _ in range(VIEWS)]
        views = torch.cat([self._turned(move.of(pictures), index) for index, move in enumerate(moves)])
        made = self._translate(views, targets.repeat(VIEWS, 1))
        found = torch.cat([made.image - views, made.mask, torch.ones_like(made.mask)], dim=1).float().chunk(VIEWS)
        back = [move.undone(self._turned(found[index], index)) for index, move in enumerate(moves)]
        added, mask, count = torch.split(torch.stack(back).sum(dim=0), [3, 1, 1], dim=1)
        seen = count >= 0.5
        return MeanChange(torch.where(seen, added / count, 0), torch.where(seen, mask / count, 0), seen)

    def _turned(self, pictures: Tensor, index: int) -> Tensor:
        """Mirror pictures (N, C, S, S) if they are those of a mirrored view."""
        return pictures.flip(3) if self._mirror and index % 2 else pictures

    def state(self) -> dict[str, Tensor]:
        """The tensors for a checkpoint."""
        return {f"teacher.{name}": value for name, value in self.network.state_dict().items()}

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Restore what `state` returned. Raises KeyError and RuntimeError where it does not fit."""
        self.network.load_state_dict({name: tensors[f"teacher.{name}"] for name in self.network.state_dict()})


def distillation_loss(made: Translation, pictures: Tensor, taught: MeanChange) -> Tensor:
    """The mean absolute difference between the change `made` of pictures (N, 3, S, S) and the one `taught`, and between
    their masks, where the change taught is known."""
    change = (made.image - pictures - taught.added).abs().mean(dim=1, keepdim=True)
    mask = (made.mask - taught.mask).abs()
    loss: Tensor = ((change + mask) * taught.seen).mean()
    return loss
