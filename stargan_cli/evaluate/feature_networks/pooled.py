"""Features of a network trained on ImageNet whose weights come with a Python package, so that no file is needed."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from stargan_cli.backbones import backbone
from stargan_cli.evaluate.distances import Features
from stargan_cli.pictures.tensors import to_model

PICTURE_SIDE = 224


def pooled_features(name: str, device: torch.device) -> Features:
    """A function from uint8 pictures (n, 3, S, S) on `device` to features (n, d) on the CPU: the input of the network's
    last layer for the picture at 224 px. Raises UsageError if the network's package is missing."""
    network = backbone(name, with_weights=True).to(device).eval().requires_grad_(False)

    def features(pictures: Tensor) -> Tensor:
        squares = F.interpolate(
            to_model(pictures), (PICTURE_SIDE, PICTURE_SIDE), mode="bilinear", antialias=True, align_corners=False
        )
        found: Tensor = network(squares)
        return found.cpu()

    return features
