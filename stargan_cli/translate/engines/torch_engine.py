"""The engine of torch itself, on any device, and the discriminator as a reader of labels."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from stargan_cli.device import autocast, compiling, memory_layout
from stargan_cli.fast_cpu.networks import FastDiscriminator, FastGenerator
from stargan_cli.model import Discriminator, DiscriminatorOutput, Generator, Translation


class TorchEngine:
    """torch on any device. On the CPU the generator is rebuilt for speed (`fast_cpu`)."""

    def __init__(self, generator: Generator, device: torch.device, precision: torch.dtype, compiled: bool) -> None:
        self._device, self._precision = device, precision
        network: Generator
        if device.type == "cpu":
            network, self._precision = FastGenerator(generator, precision), torch.float32
        else:
            network = generator.to(device).to(memory_format=memory_layout(device))
        self._translate: Callable[[Tensor, Tensor], Translation] = network.translate
        if compiled:
            self._translate = compiling()(torch.compile(network.translate, dynamic=False))

    def translate(self, pictures: Tensor, labels: Tensor) -> Translation:
        with autocast(self._device, self._precision):
            return self._translate(pictures, labels)


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
            output: DiscriminatorOutput = network(pictures)
        return output.classes.float()

    return read
