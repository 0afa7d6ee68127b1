"""The 68 landmarks of a face whose place is roughly known: the network of face-api.js (Mühler 2018), in plain PyTorch.

Its weights lie beside this file (`landmarks.safetensors`, `landmarks.LICENSE`): face_landmark_68_model, its 8-bit
weights stored as 16-bit floats.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

from stargan_cli.faces.traced_network import layout_for_faces, ready

SIZE = 112  # px: the side of the network's input
MEANS = (122.782, 117.001, 104.298)  # of the colours, in [0, 255]
_WIDTHS = (3, 32, 64, 128, 256)
_PARTS = (slice(36, 42), slice(42, 48), slice(30, 31), slice(48, 49), slice(54, 55))
_MIRRORED = tuple(_PARTS[number] for number in (1, 0, 2, 4, 3))  # the same parts in the mirror image


class Separable(nn.Module):
    """A 3x3 convolution for each channel alone, then a 1x1 one."""

    def __init__(self, channels_in: int, channels_out: int, stride: int = 1) -> None:
        super().__init__()
        self.stride = stride
        self.depth = nn.Conv2d(channels_in, channels_in, 3, stride, groups=channels_in, bias=False)
        self.point = nn.Conv2d(channels_in, channels_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.point(self.depth(_padded(x, self.stride)))
        return out


class Dense(nn.Module):
    """Four convolutions, each fed with the sum of all before it; the first halves the sides."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.first: nn.Module = Separable(channels_in, channels_out, 2)
        if channels_in == 3:
            self.first = nn.Conv2d(channels_in, channels_out, 3, 2)
        self.rest = nn.ModuleList(Separable(channels_out, channels_out) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        total = F.relu(self.first(_padded(x, 2) if isinstance(self.first, nn.Conv2d) else x))
        for layer in self.rest:
            total = total + layer(F.relu(total))
        return F.relu(total)


class Landmarks(nn.Module):
    """RGB pictures (N, 3, 112, 112), (levels - `MEANS`) / 255 -> points (N, 68, 2): x, y as fractions of the side."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(Dense(a, b) for a, b in zip(_WIDTHS, _WIDTHS[1:], strict=False)))
        self.last = nn.Linear(_WIDTHS[-1], 2 * 68)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.last(self.blocks(x).mean(dim=(2, 3)))
        return out.view(-1, 68, 2)


def _padded(x: Tensor, stride: int) -> Tensor:
    """Pad with zeros as in the network's training: on all sides, or with a stride of 2 on the right and below."""
    return F.pad(x, (1, 1, 1, 1) if stride == 1 else (0, 1, 0, 1))


def landmark_reader(device: torch.device) -> Callable[[Tensor], Tensor]:
    """Return a function: RGB pictures, uint8 (N, 3, 112, 112) on the device -> the five points (see
    `asking.FaceQuestion`). These are the mean over the picture and its mirror image, which is more accurate."""
    with torch.device("meta"):
        network = Landmarks()
    tensors = {name: tensor.float() for name, tensor in load_file(Path(__file__).with_suffix(".safetensors")).items()}
    quick, layout = ready(network, tensors, device, SIZE), layout_for_faces(device)
    means = torch.tensor(MEANS, dtype=torch.float32, device=device)[:, None, None]

    def read(pictures: Tensor) -> Tensor:
        both = torch.cat([pictures, pictures.flip(3)]).float().contiguous(memory_format=layout)
        own, mirrored = quick((both - means) / 255).chunk(2)
        points, (x, y) = _points(own, _PARTS), _points(mirrored, _MIRRORED).unbind(dim=2)
        return (points + torch.stack([1 - x, y], dim=2)) / 2

    return read


def _points(found: Tensor, parts: Sequence[slice]) -> Tensor:
    """Return the mean point of each of these parts of the landmarks (N, 68, 2): (N, len(parts), 2)."""
    return torch.stack([found[:, part].mean(dim=1) for part in parts], dim=1)
