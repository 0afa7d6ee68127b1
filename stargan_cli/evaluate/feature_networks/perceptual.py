"""A perceptual distance that needs no download: as LPIPS (Zhang et al., CVPR 2018), but in EfficientNet-Lite0, with
equal weights for all channels."""

from __future__ import annotations

from itertools import islice

import torch
import torch.nn.functional as F
from torch import Tensor

from stargan_cli.backbones import DEFAULT_NETWORK, backbone, stages
from stargan_cli.evaluate.measure import Comparison
from stargan_cli.pictures.tensors import to_model

STAGES = 4
SMALLEST = 64  # px: the feature maps of smaller pictures are smaller than the network's kernels


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
        for stage in islice(stages(network, pictures), STAGES):
            first, second = F.normalize(stage.float()).chunk(2)
            weight = F.adaptive_avg_pool2d(where, (stage.shape[-2], stage.shape[-1]))
            moved = (first - second).square().sum(dim=1, keepdim=True)
            found.append((moved * weight).sum(dim=(1, 2, 3)) / weight.sum())
        return torch.stack(found).mean(dim=0).cpu()

    return distance
