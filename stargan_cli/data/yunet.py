"""YuNet (Wu, Peng & Yu, Machine Intelligence Research 2023): a face detector of 53,104 numbers, in plain PyTorch.

Its weights lie beside this file (`yunet.safetensors`, `yunet.LICENSE`): face_detection_yunet_2023mar of the OpenCV
model zoo, tensor for tensor. It was trained to find faces of about 10 to 300 px; the caller chooses the scale.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

STRIDES = (8, 16, 32)
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
    """Pictures (N, 3, H, W), BGR in [0, 255], H and W multiples of 32 -> for each stride the maps of the four heads."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, kernel_size=3, stride=2, padding=1)
        self.stem_unit = Unit(16, 16)
        widths = [(16, 16, 32), (32, 32, 64), (64, 64, 64), (64, 64, 64), (64, 64, 64)]
        self.stages = nn.ModuleList(nn.ModuleList([Unit(a, b), Unit(b, c)]) for a, b, c in widths)
        self.laterals = nn.ModuleList(Unit(64, 64) for _ in STRIDES)
        self.heads = nn.ModuleDict(
            {name: nn.ModuleList(Unit(64, channels) for _ in STRIDES) for name, channels in _HEADS.items()}
        )

    def forward(self, x: Tensor) -> list[dict[str, Tensor]]:
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
        return [
            {name: units[index](level) for name, units in self.heads.items()}  # type: ignore[index]
            for index, level in enumerate(levels)
        ]


class Candidates(NamedTuple):
    """`scores` (K,), `boxes` (K, 4) as left, top, right, bottom, `points` (K, 5, 2) as x, y: the eye on the picture's
    left, the one on its right, nose, mouth corner on the left, on the right. Pixels of the picture given."""

    scores: Tensor
    boxes: Tensor
    points: Tensor


@cache
def _network() -> YuNet:
    with torch.device("meta"):
        network = YuNet()
    network.load_state_dict(load_file(Path(__file__).with_name("yunet.safetensors")), assign=True)
    # channels last: four times as fast on CPUs
    return network.eval().requires_grad_(False).to(memory_format=torch.channels_last)


def candidates(picture: Tensor, threshold: float) -> Candidates:
    """Faces, not yet freed of doubles, in one RGB picture, uint8 (3, H, W) of any size, on the CPU."""
    return candidates_of_each(picture[None], threshold)[0]


@torch.inference_mode()
def candidates_of_each(pictures: Tensor, threshold: float) -> list[Candidates]:
    """The same for several pictures of one size, uint8 (N, 3, H, W)."""
    height, width = pictures.shape[2:]
    padded = F.pad(pictures.flip(1).float(), (0, -width % 32, 0, -height % 32))
    levels = _network()(padded.contiguous(memory_format=torch.channels_last))
    return [
        _candidates([{name: head[index] for name, head in maps.items()} for maps in levels], threshold)
        for index in range(len(pictures))
    ]


def _candidates(levels: list[dict[str, Tensor]], threshold: float) -> Candidates:
    found: list[Candidates] = []
    for stride, maps in zip(STRIDES, levels, strict=True):
        score = (maps["cls"].sigmoid() * maps["obj"].sigmoid()).sqrt()[0]
        row, column = torch.nonzero(score >= threshold, as_tuple=True)
        origin = torch.stack([column, row], dim=1).float()
        box = maps["bbox"][:, row, column].T
        centre, half = (origin + box[:, :2]) * stride, box[:, 2:].exp() * stride / 2
        points = (maps["kps"][:, row, column].T.reshape(-1, 5, 2) + origin[:, None]) * stride
        found.append(Candidates(score[row, column], torch.cat([centre - half, centre + half], dim=1), points))
    return Candidates(*(torch.cat(parts) for parts in zip(*found, strict=True)))
