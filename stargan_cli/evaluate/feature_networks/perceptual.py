"""A perceptual distance without a file to fetch: as LPIPS (Zhang et al., CVPR 2018), in EfficientNet-Lite0, with all
channels weighed alike."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from stargan_cli.evaluate.classifiers.backbones import DEFAULT_NETWORK, Backbone, backbone
from stargan_cli.evaluate.measure import Comparison
from stargan_cli.pictures.tensors import to_model

SMALLEST = 64  # px: the network's kernels do not fit into what it makes of smaller pictures


def perceptual_distance(device: torch.device) -> Comparison:
    """A function from two sets of uint8 pictures (n, 3, S, S) on `device` and a region, bool (S, S), to their distances
    (n,) in the region: 0 for equal pictures, 2 at most. Raises UsageError where the network's package is missing."""
    network = backbone(DEFAULT_NETWORK, with_weights=True).to(device).eval().requires_grad_(False)

    def distance(before: Tensor, after: Tensor, region: Tensor) -> Tensor:
        where = region.to(before.device).float()[None, None]
        found = []
        pictures = to_model(torch.cat([before, after]))
        if pictures.shape[-1] < SMALLEST:
            pictures = F.interpolate(pictures, (SMALLEST, SMALLEST), mode="bilinear", align_corners=False)
        for stage in stages(network, pictures):
            first, second = F.normalize(stage.float()).chunk(2)
            weight = F.adaptive_avg_pool2d(where, (stage.shape[-2], stage.shape[-1]))
            moved = (first - second).square().sum(dim=1, keepdim=True)
            found.append((moved * weight).sum(dim=(1, 2, 3)) / weight.sum())
        return torch.stack(found).mean(dim=0).cpu()

    return distance


def stages(network: Backbone, pictures: Tensor) -> list[Tensor]:
    """What an EfficientNet-Lite makes of pictures (N, 3, S, S) in [-1, 1] at 1/2, 1/4, 1/8 and 1/16 of their size."""
    body: Any = network.body
    found: list[Tensor] = []
    x = body._swish(body._bn0(body._conv_stem(pictures)))
    for block in body._blocks:
        smaller = block(x)
        if smaller.shape[-1] < x.shape[-1]:
            found.append(x)
        x = smaller
    return found
