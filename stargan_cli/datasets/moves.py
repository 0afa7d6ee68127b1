"""Shift, scale and turn pictures, and undo it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from stargan_cli.datasets.draws import Draws


@dataclass(frozen=True)
class Move:
    """Resamples each picture from a parallelogram of itself: `matrices` (N, 2, 3) map places in the result to places in
    the picture, both in [-1, 1]. Bilinear; differentiable."""

    matrices: Tensor

    @classmethod
    def rectangle(cls, shift_x: Tensor, shift_y: Tensor, width: Tensor, height: Tensor, angle: Tensor) -> Move:
        """From a rectangle of `width` and `height` (in sides of the picture), turned by `angle` (radians), its centre
        moved by the shifts (in sides). All are (N,)."""
        cos, sin = torch.cos(angle), torch.sin(angle)
        rows = [cos * width, -sin * height, 2 * shift_x, sin * width, cos * height, 2 * shift_y]
        return cls(torch.stack(rows, dim=1).view(-1, 2, 3))

    @classmethod
    def random(cls, amount: float, draws: Draws) -> Move:
        """A random one, which shifts each picture by up to `amount` of its side, scales it by up to 1 +- amount and
        turns it by up to amount / 2 radians."""
        shift_x, shift_y, scale, angle = (draws.uniform(4) * 2 - 1) * amount
        return cls.rectangle(shift_x, shift_y, 1 + scale, 1 + scale, angle / 2)

    def of(self, pictures: Tensor) -> Tensor:
        """(N, C, S, S) -> (N, C, S, S). Beyond its border a picture is reflected."""
        return self._sampled(pictures, "reflection")

    def undone(self, moved: Tensor) -> Tensor:
        """(N, C, S, S) -> (N, C, S, S), where the pictures were before; 0 where the moved ones do not reach."""
        (a, b, x), (c, d, y) = (row.unbind(dim=1) for row in self.matrices.unbind(dim=1))
        rows = [d, -b, b * y - d * x, -c, a, c * x - a * y]
        inverse = torch.stack(rows, dim=1) / (a * d - b * c)[:, None]
        return Move(inverse.view(-1, 2, 3))._sampled(moved, "zeros")

    def _sampled(self, pictures: Tensor, beyond: str) -> Tensor:
        grid = F.affine_grid(self.matrices, list(pictures.shape), align_corners=False).to(pictures.dtype)
        return F.grid_sample(pictures, grid, mode="bilinear", padding_mode=beyond, align_corners=False)
