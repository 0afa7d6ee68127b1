"""The discriminator as a reader of labels, on any device. On the CPU it is rebuilt for speed."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from stargan_cli.device import autocast, memory_layout
from stargan_cli.fast_cpu.networks import FastDiscriminator
from stargan_cli.model import Discriminator, DiscriminatorOutput


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
