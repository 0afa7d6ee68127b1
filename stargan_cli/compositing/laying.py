"""The changes of squares -> maps that are aligned with their pictures, for a whole batch at once (see `maps`).

These are all the steps that need no pixel of the full-size picture. No branch depends on the values of a tensor:
nothing waits for the device.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from stargan_cli.compositing.change import SquareChange, blurred_along
from stargan_cli.compositing.maps import DARKEST, HALF, lightness, smooth

BAND = 0.08  # of the side: the strip along a border that shows whether a change continues beyond it
GOES_ON = (0.1, 0.5)  # sizes of a change (0..2) at the border: up to the first it ends, from the second it continues
LONG_FEATHER = 0.2  # of the side: how far from the border a change that continues beyond it fades
ALONG_BLUR = 0.06  # of the side: standard deviation along the border


@torch.inference_mode()
def laid(change: SquareChange, seen: Tensor, fades: Tensor, matrices: Tensor | None = None) -> Tensor:
    """Return maps, float16 (N, maps.CHANNELS, S, S), from the changes of N squares and the network's input `seen`,
    uint8 (N, 3, S, S).

    `fades` and `matrices` are those of `placement.Laying`. Without matrices, all squares are straight. The maps of a
    straight square are the same to the bit, whatever else is in the batch.
    """
    colour = _faded(change, fades) * HALF
    maps = torch.cat([colour, change.slope, change.offset, change.low, change.high, seen.float()], dim=1)
    if matrices is not None:
        grid = F.affine_grid(matrices, list(maps.shape), align_corners=False)
        mode = "bilinear" if maps.device.type == "mps" else "bicubic"  # torch has no bicubic sampling on Apple's GPUs
        turned = F.grid_sample(maps, grid, mode=mode, padding_mode="border", align_corners=False)
        straight = (matrices == torch.eye(2, 3, device=matrices.device)).all(dim=2).all(dim=1)
        maps = torch.where(straight[:, None, None, None], maps, turned)
    colour, slope, offset, low, high, shown = torch.split(maps, [3, 3, 1, 1, 1, 3], dim=1)
    mask = offset + (slope * (shown / HALF - 1)).sum(dim=1, keepdim=True)
    lighter = _lightness(colour) / (_lightness(shown) + DARKEST)
    return torch.cat([colour, slope / HALF, mask, low, high, lighter, shown], dim=1).half()


def _faded(change: SquareChange, fades: Tensor) -> Tensor:
    """Return the colours (N, 3, S, S), faded over LONG_FEATHER at the borders marked in `fades` (N, 4) if the change
    continues beyond the square, as in long hair: otherwise it would end visibly."""
    size = change.colour.abs().amax(dim=1) * (change.low + change.high)[:, 0] / 2
    length = size.shape[-1]
    band = max(1, round(BAND * length))
    borders = [size[:, :, :band].mean(2), size[:, :band].mean(1), size[:, :, -band:].mean(2), size[:, -band:].mean(1)]
    along = blurred_along(torch.stack(borders, dim=1)[:, :, None], ALONG_BLUR * length, 3)[:, :, 0]
    goes_on = smooth((along - GOES_ON[0]) / (GOES_ON[1] - GOES_ON[0])) * fades[:, :, None]
    out = 1 - smooth((torch.arange(length, dtype=size.dtype, device=size.device) + 0.5) / (LONG_FEATHER * length))
    left, top, right, bottom = goes_on.unbind(1)
    across = (1 - left[:, :, None] * out) * (1 - right[:, :, None] * out.flip(0))
    down = (1 - top[:, None] * out[:, None]) * (1 - bottom[:, None] * out.flip(0)[:, None])
    return change.colour * (across * down)[:, None]


def _lightness(colours: Tensor) -> Tensor:
    """(N, 3, S, S) -> (N, 1, S, S)."""
    return lightness(*torch.split(colours, 1, dim=1))
