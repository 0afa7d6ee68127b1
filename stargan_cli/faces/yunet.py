"""YuNet (Wu, Peng & Yu, Machine Intelligence Research 2023): a face detector of 53,104 parameters, in plain PyTorch.

Its weights lie beside this file (`yunet.safetensors`, `yunet.LICENSE`): face_detection_yunet_2023mar of the OpenCV
model zoo, tensor for tensor. It was trained to find faces of about 10 to 300 px; the caller chooses the scale.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

from stargan_cli.faces.traced_network import layout_for_faces, ready

STRIDES = (8, 16, 32)
MOST = 512  # candidates of a picture: a face has about ten
EXAMPLE = 64  # px: the side of the picture that the trace is made with; it takes others as well
_HEADS = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}


class Unit(nn.Module):
    """A 1x1 convolution, then a 3x3 one for each channel alone."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.point = nn.Conv2d(channels_in, channels_out, kernel_size=1)
        self.depth = nn.Conv2d(channels_out, channels_out, kernel_size=3, padding=1, groups=channels_out)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.depth(self.point(x))
        return out


class YuNet(nn.Module):
    """Pictures (N, 3, H, W), BGR in [0, 255], H and W multiples of 32 -> for each stride the maps of the four heads,
    one after the other: (N, 16, H / stride, W / stride)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, kernel_size=3, stride=2, padding=1)
        self.stem_unit = Unit(16, 16)
        widths = [(16, 16, 32), (32, 32, 64), (64, 64, 64), (64, 64, 64), (64, 64, 64)]
        self.stages = nn.ModuleList(nn.ModuleList([Unit(a, b), Unit(b, c)]) for a, b, c in widths)
        self.laterals = nn.ModuleList(Unit(64, 64) for _ in STRIDES)
        self.heads = nn.ModuleList(Unit(64, sum(_HEADS.values())) for _ in STRIDES)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        x = F.relu(self.stem_unit(F.relu(self.stem(x))))
        features = []
        for index, stage in enumerate(self.stages):
            if index != 1:
                x = F.max_pool2d(x, 2)
            for unit in stage:  # type: ignore[attr-defined]
                x = F.relu(unit(x))
            features.append(x)
        levels = features[2:]
        for index in (2, 1, 0):
            above = F.interpolate(levels[index + 1], scale_factor=2.0, mode="nearest") if index < 2 else 0
            levels[index] = F.relu(self.laterals[index](levels[index] + above))
        return tuple(heads(level) for heads, level in zip(self.heads, levels, strict=True))


def _joined(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Join the four heads of each stride: their tensors `heads.NAME.INDEX.*` become one `heads.INDEX.*`."""
    heads = {name.split(".", 2)[2] for name in tensors if name.startswith("heads.")}
    return {f"heads.{rest}": torch.cat([tensors[f"heads.{name}.{rest}"] for name in _HEADS]) for rest in heads} | {
        name: tensor for name, tensor in tensors.items() if not name.startswith("heads.")
    }


def detector(device: torch.device) -> Callable[[Tensor], Tensor]:
    """Return a function: RGB pictures, uint8 (N, 3, S, S) on the device -> their candidates (see
    `asking.FaceQuestion`)."""
    with torch.device("meta"):
        network = YuNet()
    tensors = _joined(load_file(Path(__file__).with_name("yunet.safetensors")))
    quick, layout = ready(network, tensors, device, EXAMPLE), layout_for_faces(device)
    cells = lru_cache(maxsize=16)(_cells)

    def candidates(pictures: Tensor) -> Tensor:
        blue_first = pictures.flip(1).float().contiguous(memory_format=layout)
        return _candidates(quick(blue_first), cells(pictures.shape[-1], device))

    return candidates


def _cells(side: int, device: torch.device) -> Tensor:
    """Return the place in the picture of each cell of the maps, one map after the other, row by row: x, y and the
    stride (px), (3, L)."""
    parts = []
    for stride in STRIDES:
        at = torch.arange(0, side, stride, dtype=torch.float32)
        y, x = torch.meshgrid(at, at, indexing="ij")
        parts.append(torch.stack([x.flatten(), y.flatten(), torch.full_like(x.flatten(), stride)]))
    return torch.cat(parts, dim=1).to(device)  # this copy blocks, so that all streams can use the result


def _candidates(levels: Sequence[Tensor], cells: Tensor) -> Tensor:
    """Decode the maps of the heads, with `cells` (3, L): candidates (N, K, 15), best score first."""
    maps = torch.cat([level.flatten(2) for level in levels], dim=2)
    scores = (maps[:, 0].sigmoid() * maps[:, 1].sigmoid()).sqrt()
    score, kept = scores.topk(min(MOST, scores.shape[1]), dim=1)
    found = maps[:, 2:].transpose(1, 2).gather(1, kept[..., None].expand(-1, -1, 14))
    at = cells.T[kept]
    origin, stride = at[..., :2], at[..., 2:]
    centre, half = origin + stride * found[..., :2], stride / 2 * found[..., 2:4].exp()
    points = origin.repeat(1, 1, 5) + stride * found[..., 4:]
    return torch.cat([score[..., None], centre - half, centre + half, points], dim=2)
