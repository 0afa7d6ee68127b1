"""What runs the generator of `translate`: torch itself, or another library where one is faster."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from stargan_cli.device import autocast, memory_layout
from stargan_cli.model import Discriminator, Generator, Judgement, Translation
from stargan_cli.tasks.fast_networks import FastDiscriminator, fast_generator
from stargan_cli.weights import Weights


class Engine(Protocol):
    def translate(self, pictures: Tensor, labels: Tensor) -> Translation:
        """As `Generator.translate`, for float32 pictures (N, 3, S, S) and labels on the engine's device."""


class TorchEngine:
    """torch on any device; on the CPU with the network rebuilt for it."""

    def __init__(self, generator: Generator, device: torch.device, precision: torch.dtype) -> None:
        self._device, self._precision = device, precision
        if device.type == "cpu":
            self._generator, self._precision = fast_generator(generator, precision), torch.float32
        else:
            self._generator = generator.to(device).to(memory_format=memory_layout(device))

    def translate(self, pictures: Tensor, labels: Tensor) -> Translation:
        with autocast(self._device, self._precision):
            return self._generator.translate(pictures, labels)


def make_engine(weights: Weights, device: torch.device, precision: torch.dtype) -> Engine:
    return TorchEngine(weights.generator, device, precision)


def label_reader(
    discriminator: Discriminator, device: torch.device, precision: torch.dtype
) -> Callable[[Tensor], Tensor]:
    """Pictures (N, 3, S, S), float32, on `device` -> class logits (N, class_dim), float32."""
    if device.type == "cpu":
        fast = FastDiscriminator(discriminator, precision)
        return lambda pictures: fast(pictures).classes.float()
    network = discriminator.to(device).to(memory_format=memory_layout(device))

    def read(pictures: Tensor) -> Tensor:
        with autocast(device, precision):
            judgement: Judgement = network(pictures)
        return judgement.classes.float()

    return read
