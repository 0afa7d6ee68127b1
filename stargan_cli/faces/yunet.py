"""YuNet (Wu, Peng & Yu, Machine Intelligence Research 2023): a face detector of 53,104 numbers, in plain PyTorch.

Its weights lie beside this file (`yunet.safetensors`, `yunet.LICENSE`): face_detection_yunet_2023mar of the OpenCV
model zoo, tensor for tensor. It was trained to find faces of about 10 to 300 px; the caller chooses the scale.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn

from stargan_cli.faces.traced_network import Traced

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


class Candidates(NamedTuple):
    """`scores` (K,), `boxes` (K, 4) as left, top, right, bottom, `points` (K, 5, 2) as x, y: the eye on the picture's
    left, the one on its right, nose, mouth corner on the left, on the right. Pixels of the picture given.

    In NumPy: of arrays as small as these, each of torch's operations takes longer to give Python's lock back and get it
    again, with many threads, than to compute.
    """

    scores: Floats
    boxes: Floats
    points: Floats


def _joined(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The four heads of a stride as one: what is `heads.NAME.INDEX.*` for each becomes `heads.INDEX.*`."""
    heads = {name.split(".", 2)[2] for name in tensors if name.startswith("heads.")}
    return {f"heads.{rest}": torch.cat([tensors[f"heads.{name}.{rest}"] for name in _HEADS]) for rest in heads} | {
        name: tensor for name, tensor in tensors.items() if not name.startswith("heads.")
    }


@cache
def _network() -> Callable[[Tensor], tuple[Tensor, ...]]:
    with torch.device("meta"):
        network = YuNet()
    network.load_state_dict(_joined(load_file(Path(__file__).with_name("yunet.safetensors"))), assign=True)
    network.eval().requires_grad_(False).to(memory_format=torch.channels_last)  # four times as fast on CPUs
    return Traced(network, torch.zeros(1, 3, 64, 64).to(memory_format=torch.channels_last))


def candidates(picture: Tensor, threshold: float) -> Candidates:
    """Faces, not yet freed of doubles, in one RGB picture, uint8 (3, H, W) of any size, on the CPU."""
    return candidates_of_each(picture[None], threshold)[0]


@torch.inference_mode()
def candidates_of_each(pictures: Tensor, threshold: float) -> list[Candidates]:
    """The same for several pictures of one size, uint8 (N, 3, H, W)."""
    height, width = pictures.shape[2:]
    padded = F.pad(pictures.flip(1).float(), (0, -width % 32, 0, -height % 32))
    levels = [level.numpy() for level in _network()(padded.contiguous(memory_format=torch.channels_last))]
    cells = _cells(*padded.shape[2:])
    maps = np.concatenate([level.reshape(*level.shape[:2], -1) for level in levels], axis=2)
    return [_candidates(one, cells, threshold) for one in maps]


@lru_cache(maxsize=16)
def _cells(height: int, width: int) -> Floats:
    """Where the numbers of the maps stand in the picture, one map after the other, row by row: x, y and the stride,
    (3, L)."""
    parts = []
    for stride in STRIDES:
        y, x = np.mgrid[: height // stride, : width // stride].reshape(2, -1) * stride
        parts.append(np.stack([x, y, np.full_like(x, stride)]))
    return np.concatenate(parts, axis=1).astype(np.float32)


def _candidates(maps: Floats, cells: Floats, threshold: float) -> Candidates:
    """`maps` (16, L) of the heads in their order and `cells` (3, L) of one picture."""
    with np.errstate(over="ignore"):
        scores = 1 / np.sqrt((1 + np.exp(-maps[0])) * (1 + np.exp(-maps[1])))
    kept = np.flatnonzero(scores >= threshold)
    found, origin, stride = maps[:, kept].T, cells[:2, kept].T, cells[2:, kept].T
    centre, half = origin + stride * found[:, 2:4], stride / 2 * np.exp(found[:, 4:6])
    points = origin[:, None] + stride[:, None] * found[:, 6:].reshape(-1, 5, 2)
    return Candidates(scores[kept], np.concatenate([centre - half, centre + half], axis=1), points)


Floats = NDArray[np.float32]


def best_apart(boxes: Floats, scores: Floats, overlap: float) -> list[int]:
    """Indices of `boxes` (N, 4: left, top, right, bottom), best score first, without those of which a better one that
    is kept covers more than `overlap` (intersection over union).

    torchvision has this too, but importing it takes longer than all the rest of a one-picture run.
    """
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    waiting, kept = np.argsort(-scores, kind="stable"), []
    while len(waiting):
        best, waiting = int(waiting[0]), waiting[1:]
        kept.append(best)
        corner = np.maximum(boxes[best, :2], boxes[waiting, :2])
        opposite = np.minimum(boxes[best, 2:], boxes[waiting, 2:])
        shared = np.maximum(opposite - corner, 0).prod(axis=1)
        waiting = waiting[shared <= overlap * (areas[best] + areas[waiting] - shared)]
    return kept
