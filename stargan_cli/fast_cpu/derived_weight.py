"""Layers that compute with another layer's weight, put into an order that suits the CPU."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor, nn


class WithDerivedWeight(nn.Module):
    """A layer that shares `weight` with the one it replaces, and computes in `dtype`.

    With gradients enabled, `arrange` runs at every call, so that gradients reach `weight`. Without, its result is kept
    until `weight` changes.
    """

    def __init__(self, weight: Tensor, dtype: torch.dtype) -> None:
        super().__init__()
        self.weight, self.dtype = weight, dtype
        self._kept: tuple[int, tuple[Tensor, ...]] | None = None

    @abstractmethod
    def arrange(self) -> tuple[Tensor, ...]:
        """Return the tensors that the layer computes with, made from `weight`; differentiable."""

    def arranged(self) -> tuple[Tensor, ...]:
        if torch.is_grad_enabled():
            return self.arrange()
        if self._kept is not None and torch.compiler.is_compiling():
            return self._kept[1]  # the weights of a compiled network do not change
        version = self.weight._version  # how often it was changed in place
        if self._kept is None or self._kept[0] != version:
            self._kept = version, self.arrange()
        return self._kept[1]
