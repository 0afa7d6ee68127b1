"""What a translation changes, pixel by pixel: PSNR, SSIM (Wang et al., IEEE TIP 2004) and mean changes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from stargan_cli.compositing.placement import places_of
from stargan_cli.labels import HAIR_COLOURS

MOST_DECIBELS = 60.0
"""The PSNR of equal pictures, so that their mean with others is a number: an error of 1 in every fifteenth value."""


def psnr(first: Tensor, second: Tensor) -> Tensor:
    """Two sets of uint8 pictures (N, C, H, W) -> (N,) in dB, 60 at most, against a peak of 255."""
    return _decibels((first.double() - second.double()).square().flatten(1).mean(dim=1))


def psnr_within(first: Tensor, second: Tensor, region: Tensor) -> Tensor:
    """`psnr` within a region of the pictures, bool (H, W)."""
    return _decibels((first.double() - second.double()).square()[..., region].flatten(1).mean(dim=1))


def _decibels(error: Tensor) -> Tensor:
    return (10 * (255.0**2 / error).log10()).clamp(max=MOST_DECIBELS)


WINDOW, SIGMA = 11, 1.5


def ssim(first: Tensor, second: Tensor) -> Tensor:
    """Two sets of uint8 pictures (N, C, H, W), 11 px a side at least -> (N,) in [-1, 1]; equal pictures give 1.

    The paper's settings: a Gaussian window of 11 px (sigma 1.5), K1 = 0.01, K2 = 0.03, population covariance, the
    mean over channels and over the places where the window fits. scikit-image gives the same with
    `gaussian_weights=True, sigma=1.5, use_sample_covariance=False`.
    """
    if min(first.shape[-2:]) < WINDOW:
        raise ValueError(f"SSIM needs pictures of at least {WINDOW} px, not {first.shape[-1]}x{first.shape[-2]}")
    x, y = first.double(), second.double()
    mean_x, mean_y = _blur(x), _blur(y)
    var_x, var_y = _blur(x * x) - mean_x**2, _blur(y * y) - mean_y**2
    covariance = _blur(x * y) - mean_x * mean_y
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    similar = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    return (similar / ((mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2))).flatten(1).mean(dim=1)


def _blur(pictures: Tensor) -> Tensor:
    offsets = torch.arange(WINDOW, dtype=pictures.dtype, device=pictures.device) - WINDOW // 2
    line = torch.exp(-(offsets**2) / (2 * SIGMA**2))
    line = (line / line.sum()).expand(pictures.shape[1], 1, 1, WINDOW)
    across = F.conv2d(pictures, line, groups=pictures.shape[1])
    return F.conv2d(across, line.transpose(2, 3), groups=pictures.shape[1])


def absolute_change(before: Tensor, after: Tensor) -> Tensor:
    """uint8 pictures (N, 3, S, S) -> float (N, S, S): the absolute change of each pixel, averaged over its colours."""
    return (after.float() - before.float()).abs().mean(dim=1)


def corner_change(before: Tensor, after: Tensor) -> Tensor:
    """(N,): the mean change in the two upper corners, an eighth of the side each: background, in a face crop."""
    size = max(1, before.shape[-1] // 8)
    moved = absolute_change(before, after)[:, :size]
    return torch.cat([moved[:, :, :size], moved[:, :, -size:]], dim=2).flatten(1).mean(dim=1)


def change_by_mask(before: Tensor, after: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """The mean change (N,) inside and (N,) outside the mask (N, 1, S, S), cut at 1/2; NaN if there is no such pixel."""
    moved, inside = absolute_change(before, after), (mask[:, 0] > 0.5).float()
    outside = 1 - inside
    return tuple((moved * where).sum(dim=(1, 2)) / where.sum(dim=(1, 2)) for where in (inside, outside))  # type: ignore[return-value]


def kept_region(size: int, moved: Collection[str], landmarks: Mapping[str, Sequence[float]] | None) -> Tensor:
    """The region that a change of the attributes `moved` should leave as it is: bool (size, size). For new hair it is
    the face, an ellipse from the brows to the chin, if the places of the eyes are known (`landmarks`, as in a weights
    card). Otherwise it is background: the two upper corners, an eighth of the side each."""
    eyes = places_of(landmarks or {}, ("left_eye", "right_eye"))
    if len(eyes) == 2 and set(moved) <= set(HAIR_COLOURS):
        between = eyes["right_eye"] - eyes["left_eye"]
        middle = eyes["left_eye"] + between * (0.5 + 0.6j)
        line = (torch.arange(size) + 0.5) / size
        across, down = (line[None] - middle.real) / abs(between), (line[:, None] - middle.imag) / abs(between)
        return (across / 0.8) ** 2 + (down / 0.85) ** 2 < 1
    corner = max(1, size // 8)
    region = torch.zeros(size, size, dtype=torch.bool)
    region[:corner, :corner] = region[:corner, -corner:] = True
    return region
