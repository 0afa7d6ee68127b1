"""A second discriminator, on the features of a pretrained network (Kumari et al., CVPR 2022).

StarGAN's own discriminator overfits to a few thousand pictures, and the generator then learns adversarial examples,
which that discriminator alone takes for the target. Fixed features cannot overfit.
"""

from __future__ import annotations

from itertools import cycle, islice

from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from stargan_cli.backbones import backbone, stage_statistics, stages
from stargan_cli.model import DiscriminatorOutput

NETWORK = "efficientnet-lite1"  # not Lite0, which evaluation uses
WIDTH = 64
SHALLOW = 2  # of the four stages; the others are deep


class FeatureDiscriminator(nn.Module):
    """Pictures (N, 3, S, S) in [-1, 1] -> a DiscriminatorOutput for each of four stages, at 1/4 to 1/32 of their size.

    Labels are classified from the two deep stages alone, and the output of a shallow one repeats the classes of a deep
    one: averaged over a picture, shallow features say little more than its colours.

    `network` is frozen, and `heads` are trained. Raises UsageError where the network's package is missing.
    """

    def __init__(self, class_dim: int) -> None:
        super().__init__()
        self.network = backbone(NETWORK, with_weights=True).eval().requires_grad_(False)
        _, *statistics = stage_statistics(self.network)
        self.heads = FeatureHeads(statistics, class_dim)

    def forward(self, x: Tensor) -> list[DiscriminatorOutput]:
        outputs: list[DiscriminatorOutput] = self.heads(list(islice(stages(self.network, x), 1, None)))
        return outputs


class FeatureHeads(nn.Module):
    """The stages' features, each (N, C, h, w) -> one output each. `statistics` are their means and deviations."""

    def __init__(self, statistics: list[tuple[Tensor, Tensor]], class_dim: int) -> None:
        super().__init__()
        self.judges = nn.ModuleList(
            FeatureHead(mean, deviation, class_dim, shallow=index < SHALLOW)
            for index, (mean, deviation) in enumerate(statistics)
        )
        self.readers = nn.ModuleList(nn.Linear(WIDTH, class_dim) for _ in statistics[SHALLOW:])

    def forward(self, features: list[Tensor]) -> list[DiscriminatorOutput]:
        judged = [judge(stage) for judge, stage in zip(self.judges, features, strict=True)]
        deep = zip(self.readers, judged[SHALLOW:], strict=True)
        classes = [reader(hidden.mean(dim=(2, 3))) for reader, (hidden, _, _) in deep]
        return [
            DiscriminatorOutput(realness, read, agreement)
            for (_, realness, agreement), read in zip(judged, cycle(classes), strict=False)
        ]


class FeatureHead(nn.Module):
    """One stage's features (N, C, h, w) -> hidden features (N, WIDTH, h', w'), realness and agreement."""

    def __init__(self, mean: Tensor, deviation: Tensor, class_dim: int, shallow: bool) -> None:
        super().__init__()
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("deviation", deviation, persistent=False)
        kernel, stride = (4, 2) if shallow else (3, 1)
        first, second = (
            spectral_norm(nn.Conv2d(channels, WIDTH, kernel, stride, padding=1)) for channels in (mean.shape[1], WIDTH)
        )
        self.main = nn.Sequential(first, nn.LeakyReLU(0.2), second, nn.LeakyReLU(0.2))
        self.realness = spectral_norm(nn.Conv2d(WIDTH, 1, kernel_size=3, padding=1))
        self.agreement = spectral_norm(nn.Conv2d(WIDTH, class_dim, kernel_size=3, padding=1))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        hidden = self.main((x - self.get_buffer("mean")) / self.get_buffer("deviation"))
        return hidden, self.realness(hidden), self.agreement(hidden)
