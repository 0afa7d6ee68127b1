"""A second discriminator, on the features of a pretrained network (Kumari et al., CVPR 2022).

StarGAN's own discriminator learns a few thousand pictures by heart, and the generator learns what that one takes for
the target and nobody else does. Features that stay as they are learn no pictures by heart.
"""

from __future__ import annotations

from itertools import islice

from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from stargan_cli.backbones import backbone, stage_statistics, stages
from stargan_cli.model import DiscriminatorOutput

NETWORK = "efficientnet-lite1"  # evaluation looks through Lite0
WIDTH = 64
STRIDED = 2  # of the four stages, the first ones are halved twice


class FeatureDiscriminator(nn.Module):
    """Pictures (N, 3, S, S) in [-1, 1] -> a DiscriminatorOutput for each of four stages, at 1/4 to 1/32 of their size.

    `network` stays as it is, and `heads` learn. Raises UsageError where the network's package is missing.
    """

    def __init__(self, class_dim: int) -> None:
        super().__init__()
        self.network = backbone(NETWORK, with_weights=True).eval().requires_grad_(False)
        _, *statistics = stage_statistics(self.network)
        self.heads = nn.ModuleList(
            FeatureHead(mean, deviation, class_dim, index < STRIDED)
            for index, (mean, deviation) in enumerate(statistics)
        )

    def forward(self, x: Tensor) -> list[DiscriminatorOutput]:
        seen = islice(stages(self.network, x), 1, None)
        return [head(stage) for head, stage in zip(self.heads, seen, strict=True)]


class FeatureHead(nn.Module):
    """One stage's features (N, C, h, w) -> realness, agreement and classes, as `Discriminator` gives them."""

    def __init__(self, mean: Tensor, deviation: Tensor, class_dim: int, strided: bool) -> None:
        super().__init__()
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("deviation", deviation, persistent=False)
        kernel, stride = (4, 2) if strided else (3, 1)
        first, second = (
            spectral_norm(nn.Conv2d(channels, WIDTH, kernel, stride, padding=1)) for channels in (mean.shape[1], WIDTH)
        )
        self.main = nn.Sequential(first, nn.LeakyReLU(0.2), second, nn.LeakyReLU(0.2))
        self.realness = spectral_norm(nn.Conv2d(WIDTH, 1, kernel_size=3, padding=1))
        self.agreement = spectral_norm(nn.Conv2d(WIDTH, class_dim, kernel_size=3, padding=1))
        self.classes = nn.Linear(WIDTH, class_dim)

    def forward(self, x: Tensor) -> DiscriminatorOutput:
        x = self.main((x - self.get_buffer("mean")) / self.get_buffer("deviation"))
        return DiscriminatorOutput(self.realness(x), self.classes(x.mean(dim=(2, 3))), self.agreement(x))
