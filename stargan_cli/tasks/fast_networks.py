"""Both networks rebuilt for a CPU: the same numbers up to rounding, from fewer and better placed operations.

What each change is worth stands in docs/performance.md.
"""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stargan_cli.model import Discriminator, Generator, Judgement, ResidualBlock, ResizeConv2d
from stargan_cli.outer_convolutions import SIDE, FewOutputsConv2d, LabelledConv2d
from stargan_cli.winograd import WinogradConv2d


def fast_generator(generator: Generator, dtype: torch.dtype) -> Generator:
    """A generator for translation alone, which computes in `dtype` without autocast; it takes and gives float32.

    `generator` (on the CPU) is left as it is.
    """
    settings = generator.settings
    if settings.image_size // settings.downscale < SIDE:
        return generator
    with torch.device("meta"):
        fast = Generator(settings)
    first, *inner, last = generator.main
    assert isinstance(first, nn.Conv2d) and isinstance(last, nn.Conv2d)
    fast.main = nn.Sequential(
        LabelledConv2d(first.weight, dtype), *(_fast(layer, dtype) for layer in inner), FewOutputsConv2d(last, dtype)
    )
    return fast.eval().requires_grad_(False)


def _fast(layer: nn.Module, dtype: torch.dtype) -> nn.Module:
    if isinstance(layer, ResidualBlock):
        return _Residual(*(_fast(inner, dtype) for inner in layer.main))
    if isinstance(layer, ResizeConv2d):
        larger = nn.Upsample(scale_factor=2.0, mode="bilinear", align_corners=False)
        return nn.Sequential(larger, WinogradConv2d(layer.weight, dtype))
    if isinstance(layer, nn.Conv2d) and layer.kernel_size == (3, 3):
        return WinogradConv2d(layer.weight, dtype)
    if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
        return _converted(layer, dtype, torch.channels_last)
    if isinstance(layer, nn.InstanceNorm2d):
        return _InterleavedNorm(layer)
    return layer


class _Residual(nn.Sequential):
    def forward(self, x: Tensor) -> Tensor:
        return x + super().forward(x)  # type: ignore[no-any-return, no-untyped-call]


class _InterleavedNorm(nn.Module):
    """Instance normalisation as group normalisation with a group for each channel: torch has this one, not the other,
    for interleaved channels, and there it is four times as fast as the other on planes."""

    def __init__(self, layer: nn.InstanceNorm2d) -> None:
        super().__init__()
        self.weight, self.bias, self.eps = layer.weight, layer.bias, layer.eps

    def forward(self, x: Tensor) -> Tensor:
        return F.group_norm(x, x.shape[1], self.weight, self.bias, self.eps)


def _converted(layer: nn.Module, dtype: torch.dtype, layout: torch.memory_format) -> nn.Module:
    """The same layer with its tensors in `dtype` and, where they are kernels, in `layout`; `layer` is left as it is."""
    made = copy.copy(layer)
    made._parameters = {
        name: tensor if tensor is None else nn.Parameter(_moved(tensor.detach(), dtype, layout), requires_grad=False)
        for name, tensor in layer._parameters.items()
    }
    return made


def _moved(tensor: Tensor, dtype: torch.dtype, layout: torch.memory_format) -> Tensor:
    return tensor.to(dtype, memory_format=layout) if tensor.dim() == 4 else tensor.to(dtype)


class FastDiscriminator(nn.Module):
    """A discriminator for reading labels alone, which computes in `dtype` without autocast; it takes float32.

    Its kernels are converted once: they are far more than the numbers of a picture.
    """

    def __init__(self, discriminator: Discriminator, dtype: torch.dtype) -> None:
        super().__init__()
        self.dtype = dtype
        with torch.device("meta"):
            self.network = Discriminator(discriminator.settings)
        for name, part in discriminator.named_children():
            layers = part if isinstance(part, nn.Sequential) else [part]
            converted = [_converted(layer, dtype, torch.contiguous_format) for layer in layers]
            setattr(self.network, name, nn.Sequential(*converted) if isinstance(part, nn.Sequential) else converted[0])

    def forward(self, pictures: Tensor) -> Judgement:
        judgement: Judgement = self.network(pictures.to(self.dtype))
        return judgement
