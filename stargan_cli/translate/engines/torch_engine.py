"""The engine of torch itself, on any device."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from stargan_cli.device import autocast, compiling, memory_layout
from stargan_cli.fast_cpu.networks import FastGenerator
from stargan_cli.model import Generator, Translation


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
