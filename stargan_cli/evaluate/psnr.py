"""Peak signal-to-noise ratio."""

from __future__ import annotations

from torch import Tensor


def psnr(first: Tensor, second: Tensor) -> Tensor:
    """Two sets of uint8 pictures (N, C, H, W) -> (N,) in dB, against a peak of 255; equal pictures give infinity."""
    error = (first.double() - second.double()).square().flatten(1).mean(dim=1)
    return 10 * (255.0**2 / error).log10()
