"""The inputs and outputs of exported files, around the generator."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from stargan_cli.model import Generator
from stargan_cli.pictures.tensors import to_model, to_pixels

INPUTS = ("image", "label")
OUTPUT = "picture"


class FloatInterface(nn.Module):
    """`image` (N, 3, S, S) in [-1, 1] and `label` (N, label_dim) -> (N, 3, S, S) in [-1, 1]."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, image: Tensor, label: Tensor) -> Tensor:
        picture: Tensor = self.generator(image, label)
        return picture


class ByteInterface(FloatInterface):
    """`image` (N, S, S, 3) uint8 RGB and `label` (N, label_dim) float -> (N, S, S, 3) uint8, preprocessing inside."""

    def forward(self, image: Tensor, label: Tensor) -> Tensor:
        picture = super().forward(to_model(image.permute(0, 3, 1, 2)), label)
        return to_pixels(picture).permute(0, 2, 3, 1)


class PartsInterface(FloatInterface):
    """The same inputs -> colours (N, 3, S, S) in [-1, 1] and mask (N, 1, S, S) in [0, 1]."""

    def forward(self, image: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        _, colour, mask = self.generator.translate(image, label)
        return colour, mask


def interface(generator: Generator, uint8: bool) -> FloatInterface:
    return (ByteInterface if uint8 else FloatInterface)(generator).eval()


def example_inputs(generator: Generator, uint8: bool) -> tuple[Tensor, Tensor]:
    """Zeros for two pictures and two labels: with one, torch would take the batch size for a constant."""
    size = generator.settings.image_size
    shape, dtype = ((2, size, size, 3), torch.uint8) if uint8 else ((2, 3, size, size), torch.float32)
    labels = torch.zeros(2, generator.settings.label_dim, dtype=torch.float32)
    return torch.zeros(shape, dtype=dtype), labels


def export_program(generator: Generator, uint8: bool) -> ExportedProgram:
    """The generator as a graph with a free batch size. It does not name source files of this machine."""
    return as_program(interface(generator, uint8), generator, uint8)


def as_program(module: FloatInterface, generator: Generator, uint8: bool = False) -> ExportedProgram:
    batch = Dim("batch", min=1)
    program = torch.export.export(
        module,
        example_inputs(generator, uint8),
        dynamic_shapes={name: {0: batch} for name in INPUTS},
    )
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)
    return program
