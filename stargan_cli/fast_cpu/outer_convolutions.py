"""The generator's first and last 7x7 convolutions for CPUs, which make use of the label's constant planes and of the
few outputs."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stargan_cli.fast_cpu.derived_weight import WithDerivedWeight

SIDE, REACH = 7, 3


class LabelledConv2d(WithDerivedWeight):
    """The first convolution, (N, 3 + label_dim, H, W) -> (N, C, H, W), up to a constant for each output plane, which
    the instance normalisation after it removes.

    The label's planes are constant over the picture, so inside it they add only such a constant. Within 3 px of the
    zero-padded border they add something else, which depends only on the distances to the borders. So only 3 channels
    are convolved, and a label costs a table of 7x7 places. H and W are at least 7.
    """

    def arrange(self) -> tuple[Tensor, Tensor]:
        # The seven columns around a pixel become the channels of a 7x1 convolution: 21 channels are faster than 3.
        kernel = self.weight[:, :3].permute(0, 3, 1, 2).reshape(-1, SIDE * 3, SIDE, 1)
        return kernel.to(self.dtype, memory_format=torch.channels_last), _border_table(self.weight[:, 3:])

    def forward(self, x: Tensor) -> Tensor:
        kernel, border = self.arranged()
        pictures, labels = x[:, :3].to(self.dtype), x[:, 3:, 0, 0]
        columns = F.pad(pictures.permute(0, 2, 3, 1), (0, 0, REACH, REACH)).unfold(2, SIDE, 1)
        columns = columns.transpose(3, 4).flatten(3).contiguous().permute(0, 3, 1, 2)
        made = F.conv2d(columns, kernel, padding=(REACH, 0))
        _add_border(made.permute(0, 2, 3, 1), labels, border)
        return made


def _add_border(made: Tensor, labels: Tensor, border: Tensor) -> None:
    """Add what the labels add near the border to `made` (N, H, W, C), in place."""
    missing = torch.einsum("nl,yxlo->nyxo", labels, border).to(made.dtype)
    inner = slice(REACH, -REACH)
    made[:, :REACH, inner] += missing[:, :REACH, REACH, None]
    made[:, -REACH:, inner] += missing[:, -REACH:, REACH, None]
    middle = missing[:, REACH, None].expand(-1, made.shape[1] - 2 * REACH, -1, -1)
    sides = torch.cat([missing[:, :REACH], middle, missing[:, -REACH:]], dim=1)
    made[:, :, :REACH] += sides[:, :, :REACH]
    made[:, :, -REACH:] += sides[:, :, -REACH:]


def _border_table(weight: Tensor) -> Tensor:
    """(C, label_dim, 7, 7) -> (7, 7, label_dim, C): what a label value of 1 adds at (y, x) of a 7x7 picture, less what
    it adds in the middle. A 7x7 picture has every distance to the borders that matters."""
    plane = torch.ones(1, 1, SIDE, SIDE, dtype=torch.float64)
    taps = weight.double().flatten(0, 1)[:, None]
    sums = F.conv2d(plane, taps, padding=REACH).view(*weight.shape[:2], SIDE, SIDE)
    return (sums - sums[:, :, REACH, REACH, None, None]).permute(2, 3, 1, 0).to(weight.dtype).contiguous()


class FewOutputsConv2d(WithDerivedWeight):
    """A 7x7 convolution to a few channels, (N, C, H, W) -> (N, few, H, W), float32.

    Convolutions compute blocks of 16 outputs, so 3 cost as much as 16. Here each column of the kernel gives outputs of
    its own, of a 7x1 convolution; these are shifted and added.
    """

    def __init__(self, layer: nn.Conv2d, dtype: torch.dtype) -> None:
        super().__init__(layer.weight, dtype)
        self.bias = layer.bias

    def arrange(self) -> tuple[Tensor]:
        kernel = self.weight.permute(3, 0, 1, 2).flatten(0, 1)[..., None]
        return (kernel.to(self.dtype, memory_format=torch.channels_last),)

    def forward(self, x: Tensor) -> Tensor:
        (kernel,) = self.arranged()
        columns = F.conv2d(x.to(self.dtype), kernel, padding=(REACH, 0))
        count, _, height, width = columns.shape
        columns = F.pad(columns.reshape(count, SIDE, -1, height, width), (REACH, REACH))
        made = columns[:, 0, :, :, :width].float()
        for number in range(1, SIDE):
            made = made + columns[:, number, :, :, number : number + width]
        return made if self.bias is None else made + self.bias[:, None, None]
