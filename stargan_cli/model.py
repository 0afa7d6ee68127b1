"""The core: the networks of StarGAN (Choi et al., CVPR 2018, section 4 and tables 4 and 5).

Tensor names equal those of the reference implementation (`main.0.weight`, ...), so that its files load.
Everything here works on pictures of shape (N, 3, S, S) in [-1, 1] and labels of shape (N, label_dim).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stargan_cli.model_settings import ModelSettings


def _norm(channels: int) -> nn.InstanceNorm2d:
    # Always each picture's own statistics, as in the published results of the reference. Running statistics would be
    # used after .eval() and in every exported file.
    return nn.InstanceNorm2d(channels, affine=True, track_running_stats=False)


class ResidualBlock(nn.Module):
    """(N, C, H, W) -> (N, C, H, W): two 3x3 convolutions with instance normalisation, added to the input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(channels, channels, kernel_size=3, padding=1, bias=False),
            _norm(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, kernel_size=3, padding=1, bias=False),
            _norm(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.main(x)
        return out


def _smaller(x: Tensor, factor: int) -> Tensor:
    return F.avg_pool2d(x, factor) if factor > 1 else x


def _larger(x: Tensor, factor: int) -> Tensor:
    return F.interpolate(x, scale_factor=float(factor), mode="bilinear", align_corners=False)


class ResizeConv2d(nn.Conv2d):
    """(N, C, H, W) -> (N, C', 2H, 2W): bilinear upsampling, then a 3x3 convolution: no checkerboard."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(channels_in, channels_out, kernel_size=3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(_larger(x, 2))


def _upsample(channels_in: int, channels_out: int, upsampling: str) -> nn.Module:
    if upsampling == "resize":
        return ResizeConv2d(channels_in, channels_out)
    return nn.ConvTranspose2d(channels_in, channels_out, kernel_size=4, stride=2, padding=1, bias=False)


class Translation(NamedTuple):
    """The generator's output: `image` = mask * colour + (1 - mask) * input. With tanh output the mask is 1."""

    image: Tensor
    colour: Tensor
    mask: Tensor


def blended(pictures: Tensor, colour: Tensor, mask: Tensor) -> Translation:
    """Blend colours over pictures, both (N, 3, S, S), by masks (N, 1, S, S) in [0, 1]."""
    return Translation(mask * colour + (1 - mask) * pictures, colour, mask)


class Generator(nn.Module):
    """Pictures (N, 3, S, S) in [-1, 1] and target labels (N, label_dim) -> pictures (N, 3, S, S) in [-1, 1].

    The label is repeated over the picture as extra input channels. Since these planes are constant and instance
    normalisation removes constants, the label acts through the zero-padded borders: the padding must stay zero,
    and pictures must have the size that the network was trained at.
    """

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        self.settings = settings
        width, attention = settings.width, settings.output == "attention"
        layers: list[nn.Module] = [
            nn.Conv2d(3 + settings.label_dim, width, kernel_size=7, padding=3, bias=False),
            _norm(width),
            nn.ReLU(inplace=True),
        ]
        for _ in range(2):
            layers += [
                nn.Conv2d(width, 2 * width, kernel_size=4, stride=2, padding=1, bias=False),
                _norm(2 * width),
                nn.ReLU(inplace=True),
            ]
            width *= 2
        layers += [ResidualBlock(width) for _ in range(settings.blocks)]
        for _ in range(2):
            layers += [
                _upsample(width, width // 2, settings.upsampling),
                _norm(width // 2),
                nn.ReLU(inplace=True),
            ]
            width //= 2
        last = nn.Conv2d(width, 4 if attention else 3, kernel_size=7, padding=3, bias=attention)
        if last.bias is not None:
            with torch.no_grad():
                last.bias.copy_(torch.tensor([0.0, 0.0, 0.0, -1.0]))  # mask about 0.27: starts near the identity
        self.main = nn.Sequential(*layers, last)

    @property
    def first(self) -> nn.Module:
        """The convolution that takes picture and label: (N, 3 + label_dim, H, W) -> (N, width, H, W)."""
        return self.main[0]

    @property
    def body(self) -> nn.Sequential:
        """All layers between `first` and `last`."""
        return self.main[1:-1]

    @property
    def last(self) -> nn.Module:
        """The convolution that gives colours (3) and, with the attention output, the mask's logit (1)."""
        return self.main[-1]

    def forward(self, x: Tensor, label: Tensor) -> Tensor:
        return self.translate(x, label).image

    def translate(self, x: Tensor, label: Tensor) -> Translation:
        """The translated pictures, with their colours (N, 3, S, S) in [-1, 1] and masks (N, 1, S, S) in [0, 1]."""
        seen = _smaller(x, self.settings.downscale)
        planes = label.to(x.dtype)[:, :, None, None].expand(-1, -1, seen.shape[2], seen.shape[3])
        out = self.main(torch.cat([seen, planes], dim=1)).to(x.dtype)
        colour = torch.tanh(out[:, :3])
        if self.settings.output == "tanh":
            return Translation(colour, colour, torch.ones_like(colour[:, :1]))
        mask = torch.sigmoid(out[:, 3:])
        if self.settings.downscale > 1:
            mask = _larger(mask, self.settings.downscale)
            colour = (x + _larger(colour - seen, self.settings.downscale)).clamp(-1, 1)
        return blended(x, colour, mask)


class PatchConv2d(nn.Conv2d):
    """(N, C, H, W) -> (N, C', H/2, W/2): a 4x4 convolution with stride 2 and padding 1.

    On a CPU, small maps are computed as one matrix product. torch's convolution reorders its kernels at every call,
    which with many kernels is five times as slow (1,024 channels and 4x4 px, backward included).
    """

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(channels_in, channels_out, kernel_size=4, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        count, _, height, width = x.shape
        if x.device.type != "cpu" or height * width > 64:
            return super().forward(x)
        patches = F.unfold(x, kernel_size=4, padding=1, stride=2).transpose(0, 1).flatten(1)
        assert self.bias is not None
        made = torch.addmm(self.bias[:, None], self.weight.flatten(1), patches)
        return made.view(-1, count, height // 2, width // 2).transpose(0, 1)


class DiscriminatorOutput(NamedTuple):
    """The discriminator's output: realness per patch (N, 1, h, w), class logits (N, class_dim) and, with `projection`,
    one map of agreement per class (N, class_dim, h, w)."""

    realness: Tensor
    classes: Tensor
    agreement: Tensor | None

    def realness_as(self, signs: Tensor) -> Tensor:
        """Realness per patch (N, 1, h, w), given labels as `signs` (N, class_dim): 1 present, -1 absent, 0 unknown."""
        if self.agreement is None:
            return self.realness
        return self.realness + (signs[:, :, None, None] * self.agreement).sum(dim=1, keepdim=True)


class Discriminator(nn.Module):
    """PatchGAN with two heads: pictures (N, 3, S, S) in [-1, 1] -> DiscriminatorOutput."""

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        self.settings = settings
        width = settings.discriminator_width
        layers: list[nn.Module] = [PatchConv2d(3, width), nn.LeakyReLU(0.01)]
        for _ in range(1, settings.discriminator_layers):
            layers += [PatchConv2d(width, 2 * width), nn.LeakyReLU(0.01)]
            width *= 2
        self.main = nn.Sequential(*layers)
        self.conv1 = nn.Conv2d(width, 1, kernel_size=3, padding=1, bias=False)
        rest = settings.image_size // settings.downscale // 2**settings.discriminator_layers
        self.conv2 = nn.Conv2d(width, settings.class_dim, kernel_size=rest, bias=False)
        if settings.projection:
            self.conv3 = nn.Conv2d(width, settings.class_dim, kernel_size=3, padding=1, bias=False)

    def forward(self, x: Tensor) -> DiscriminatorOutput:
        features = self.main(_smaller(x, self.settings.downscale))
        agreement = self.conv3(features) if self.settings.projection else None
        return DiscriminatorOutput(self.conv1(features), self.conv2(features).flatten(1), agreement)


def parameter_count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())
