"""The networks of a weights file on a device. Each computation on a batch of squares is a `lanes.Work`."""

from __future__ import annotations

import torch
from torch import Tensor

from stargan_cli.compositing.change import changes_of
from stargan_cli.compositing.laying import laid
from stargan_cli.device import memory_layout
from stargan_cli.fast_cpu.label_reader import label_reader
from stargan_cli.pictures.tensors import finite, to_model, to_pixels
from stargan_cli.translate.engines.engine import make_engine
from stargan_cli.weights.files import Weights


class DeviceNetworks:
    """The networks of a weights file on `device`. Squares are uint8 (N, 3, S, S), targets float (N, P, label_dim) for P
    passes, one after the other."""

    def __init__(
        self, weights: Weights, device: torch.device, precision: torch.dtype, engine: str, compiled: bool
    ) -> None:
        self._layout = memory_layout(device)
        self._attention = weights.card.model.output == "attention"
        self.generator = make_engine(engine, weights.generator, device, precision, compiled)
        discriminator = weights.discriminator
        self._read = None if discriminator is None else label_reader(discriminator, device, precision)

    def pixels(self, squares: Tensor, targets: Tensor) -> tuple[Tensor, ...]:
        """The translated squares, uint8 (N, 3, S, S), and whether all values of each are finite, bool (N,)."""
        image = self._model_input(squares)
        for number in range(targets.shape[1]):
            image = self.generator.translate(image, targets[:, number]).image
        return to_pixels(image).contiguous(), finite(image)

    def maps(
        self, squares: Tensor, targets: Tensor, fades: Tensor, matrices: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        """The same change as maps for larger pictures (see `compositing.maps`), float16 (N, CHANNELS, S, S), and
        whether each is finite, bool (N,). `fades` and `matrices` are those of `laying.laid`."""
        image = source = self._model_input(squares)
        added, kept = torch.zeros_like(source), source.new_ones(len(source), 1, 1, 1)
        for number in range(targets.shape[1]):
            image, colour, mask = self.generator.translate(image, targets[:, number])
            if self._attention:
                added, kept = mask * colour + (1 - mask) * added, (1 - mask) * kept
        change = changes_of(squares, added, kept) if self._attention else changes_of(squares, image - source)
        return laid(change, squares, fades, matrices).contiguous(), finite(image)

    def logits(self, squares: Tensor) -> tuple[Tensor, ...]:
        """The classification head's logits, float32 (N, class_dim). Raises ValueError if the weights have none."""
        if self._read is None:
            raise ValueError("these weights have no discriminator")
        return (self._read(self._model_input(squares)),)

    def _model_input(self, squares: Tensor) -> Tensor:
        return to_model(squares).contiguous(memory_format=self._layout)
