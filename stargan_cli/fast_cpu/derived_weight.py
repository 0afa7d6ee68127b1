"""Layers that compute with another layer's weight, put into an order that suits the CPU."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor, nn


class Rearranged(nn.Module):
    """Shares `weight` with the layer that it stands for, and computes in `dtype`.

    With gradients, these reach `weight`. Without, what `arrange` makes of it is kept until `weight` has changed.
    """

    def __init__(self, weight: Tensor, dtype: torch.dtype) -> None:
        super().__init__()
        self.weight, self.dtype = weight, dtype
        self._kept: tuple[int, tuple[Tensor, ...]] | None = None

    @abstractmethod
    def arrange(self) -> tuple[Tensor, ...]:
        """What the layer computes with, from `weight`; differentiable."""

    def arranged(self) -> tuple[Tensor, ...]:
        if torch.is_grad_enabled():
            return self.arrange()
        if self._kept is not None and torch.compiler.is_compiling():
            return self._kept[1]  # a compiled network stays as it is
        version = self.weight._version  # how often it was changed in place
        if self._kept is None or self._kept[0] != version:
            self._kept = version, self.arrange()
        return self._kept[1]
