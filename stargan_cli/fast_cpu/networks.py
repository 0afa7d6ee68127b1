"""Both networks rebuilt for a CPU: the same results up to rounding, with fewer operations and a better memory layout.

docs/performance.md says what each change gains.
"""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stargan_cli.fast_cpu.derived_weight import WithDerivedWeight
from stargan_cli.fast_cpu.outer_convolutions import FewOutputsConv2d, LabelledConv2d
from stargan_cli.fast_cpu.winograd import WinogradConv2d
from stargan_cli.model import Discriminator, DiscriminatorOutput, Generator, ResidualBlock, ResizeConv2d, Translation


class FastGenerator(Generator):
    """A generator that shares the parameters of a plain one and computes in `dtype`, without autocast, with and
    without gradients. Input and output are float32."""

    def __init__(self, generator: Generator, dtype: torch.dtype) -> None:
        nn.Module.__init__(self)  # not Generator's, which would make layers
        self.settings = generator.settings
        first, last = generator.first, generator.last
        assert isinstance(first, nn.Conv2d) and isinstance(last, nn.Conv2d)
        self.main = nn.Sequential(
            LabelledConv2d(first.weight, dtype),
            *(_fast(layer, dtype) for layer in generator.body),
            FewOutputsConv2d(last, dtype),
        )
        with torch.no_grad():
            for layer in self.modules():
                if isinstance(layer, WithDerivedWeight):
                    layer.arranged()  # otherwise torch.compile would compile `arrange` too

    def translate(self, x: Tensor, label: Tensor) -> Translation:
        with torch.autocast("cpu", enabled=False):
            return super().translate(x, label)


def _fast(layer: nn.Module, dtype: torch.dtype) -> nn.Module:
    if isinstance(layer, ResidualBlock):
        return _Residual(*(_fast(inner, dtype) for inner in layer.main))
    if isinstance(layer, ResizeConv2d):
        larger = nn.Upsample(scale_factor=2.0, mode="bilinear", align_corners=False)
        return nn.Sequential(larger, WinogradConv2d(layer.weight, dtype))
    if isinstance(layer, nn.Conv2d) and layer.kernel_size == (3, 3):
        return WinogradConv2d(layer.weight, dtype)
    if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
        return _HalvingOrDoubling(layer, dtype)
    if isinstance(layer, nn.InstanceNorm2d):
        return _InterleavedNorm(layer)
    return layer


class _HalvingOrDoubling(WithDerivedWeight):
    """A 4x4 convolution with stride 2 or its transpose, in channels_last."""

    def __init__(self, layer: nn.Conv2d | nn.ConvTranspose2d, dtype: torch.dtype) -> None:
        super().__init__(layer.weight, dtype)
        self._convolve = F.conv_transpose2d if layer.transposed else F.conv2d

    def arrange(self) -> tuple[Tensor]:
        return (self.weight.to(self.dtype, memory_format=torch.channels_last),)

    def forward(self, x: Tensor) -> Tensor:
        (kernel,) = self.arranged()
        made: Tensor = self._convolve(x, kernel, stride=2, padding=1)
        return made


class _Residual(nn.Sequential):
    def forward(self, x: Tensor) -> Tensor:
        return x + super().forward(x)  # type: ignore[no-any-return, no-untyped-call]


class _InterleavedNorm(nn.Module):
    """Instance normalisation in channels_last. torch has none: its own copies every picture to another memory layout.

    Batch normalisation of each picture alone gives the same result. So does group normalisation with a group for each
    channel. It is faster still on large maps, but thirty times slower on small ones; its gradients are as slow on all.
    """

    def __init__(self, layer: nn.InstanceNorm2d) -> None:
        super().__init__()
        self.weight, self.bias, self.eps = layer.weight, layer.bias, layer.eps

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[2] * x.shape[3] >= 1024 and not torch.is_grad_enabled():
            return F.group_norm(x, x.shape[1], self.weight, self.bias, self.eps)
        pictures = (
            F.batch_norm(one, None, None, self.weight, self.bias, True, eps=self.eps) for one in torch.split(x, 1)
        )
        return torch.cat(list(pictures))


def _converted(layer: nn.Module, dtype: torch.dtype) -> nn.Module:
    """The same layer with its tensors in `dtype`; `layer` is left as it is."""
    made = copy.copy(layer)
    made._parameters = {
        name: tensor if tensor is None else nn.Parameter(tensor.detach().to(dtype), requires_grad=False)
        for name, tensor in layer._parameters.items()
    }
    return made


class FastDiscriminator(nn.Module):
    """A discriminator for inference only. It takes float32, and computes in `dtype` without autocast.

    Its kernels are converted once: they have far more numbers than a picture.
    """

    def __init__(self, discriminator: Discriminator, dtype: torch.dtype) -> None:
        super().__init__()
        self.dtype = dtype
        with torch.device("meta"):
            self.network = Discriminator(discriminator.settings)
        for name, part in discriminator.named_children():
            layers = part if isinstance(part, nn.Sequential) else [part]
            converted = [_converted(layer, dtype) for layer in layers]
            setattr(self.network, name, nn.Sequential(*converted) if isinstance(part, nn.Sequential) else converted[0])

    def forward(self, pictures: Tensor) -> DiscriminatorOutput:
        output: DiscriminatorOutput = self.network(pictures.to(self.dtype))
        return output
