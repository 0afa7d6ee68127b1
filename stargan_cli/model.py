"""The core: the networks of StarGAN (Choi et al., CVPR 2018, section 4 and tables 4 and 5) and their settings.

Tensor names equal those of the reference implementation (`main.0.weight`, ...), so that its files load.
Everything here works on pictures of shape (N, 3, S, S) in [-1, 1] and labels of shape (N, label_dim).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Wide enough for any sensible network; a malicious weights file cannot ask for one that fills the memory.
_BOUNDS = {
    "image_size": (8, 2048),
    "label_dim": (1, 4096),
    "class_dim": (1, 4096),
    "width": (1, 512),
    "blocks": (0, 64),
    "discriminator_width": (1, 512),
    "discriminator_layers": (1, 9),
    "downscale": (1, 8),
}


@dataclass(frozen=True)
class ModelSettings:
    """The settings that rebuild both networks. The defaults are the paper's, at 128 px and five attributes.

    `label_dim` is the length of the generator's label vectors (with the mask vector), `class_dim` the number of labels
    that the discriminator classifies (no mask vector): they differ only where several data sets were joined.
    `output="attention"` lets the generator output colours and a mask, by which they are blended over the input
    (GANimation, Pumarola et al., ECCV 2018). `upsampling="resize"` replaces the transposed convolutions by bilinear
    upsampling and a 3x3 convolution (Odena et al., Distill 2016). `projection` gives the discriminator a third
    head, which scores how well patches agree with a label (Miyato & Koyama, ICLR 2018). With `downscale` both networks
    see the picture made smaller by this factor, and the generator's change is enlarged and added to the full-size
    picture, which keeps its detail: it needs the attention output.
    """

    image_size: int = 128
    label_dim: int = 5
    class_dim: int = 5
    width: int = 64
    blocks: int = 6
    discriminator_width: int = 64
    discriminator_layers: int = 6
    output: Literal["tanh", "attention"] = "tanh"
    upsampling: Literal["transposed", "resize"] = "transposed"
    projection: bool = False
    downscale: int = 1

    def __post_init__(self) -> None:
        for name, (low, high) in _BOUNDS.items():
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} must be between {low} and {high}, not {getattr(self, name)}")
        step, least = self.downscale * 2**self.discriminator_layers, 8 * self.downscale
        if self.image_size % (4 * self.downscale):
            raise ValueError(f"image_size must be a multiple of {4 * self.downscale}, not {self.image_size}")
        if self.image_size < least:
            raise ValueError(f"image_size must be at least {least}: instance normalisation cannot work on one pixel")
        if self.image_size < step:
            raise ValueError(
                f"image_size {self.image_size} is too small for {self.discriminator_layers} discriminator layers, "
                f"which halve it to nothing: at least {step} is needed"
            )
        if self.output not in ("tanh", "attention"):
            raise ValueError(f"output must be tanh or attention, not {self.output!r}")
        if self.upsampling not in ("transposed", "resize"):
            raise ValueError(f"upsampling must be transposed or resize, not {self.upsampling!r}")
        if self.downscale > 1 and self.output != "attention":
            raise ValueError(f"downscale {self.downscale} needs the attention output, not {self.output}")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for a JSON header; `from_dict` reads them back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> ModelSettings:
        """Raises ValueError on unknown names, values of another type, and values out of range or in contradiction."""
        known = {field.name: type(field.default) for field in fields(cls)}
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"unknown model setting {name!r}")
            if type(value) is not known[name]:
                raise ValueError(f"model setting {name} must be {known[name].__name__}, not {value!r}")
        return cls(**values)


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
