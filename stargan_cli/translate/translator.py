"""Weights on a device, as a function on batches of model squares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from stargan_cli.compositing.change import changes_of
from stargan_cli.device import DeviceStreams, fetch, memory_layout, repeatable, send
from stargan_cli.errors import StarganError
from stargan_cli.pictures.tensors import to_model, to_pixels
from stargan_cli.translate.engines.engine import make_engine
from stargan_cli.translate.engines.torch_engine import label_reader
from stargan_cli.weights.discriminator_view import reading_square
from stargan_cli.weights.files import Weights

CPU_BATCH, MPS_BATCH, CUDA_BATCH = 4, 16, 64
MOST_RUNNERS = 16


@dataclass(frozen=True)
class Translated:
    """M translated squares, on the CPU.

    `pixels` uint8 (M, 3, S, S); `finite` bool (M,): False where the network gave NaN or infinite numbers.
    `maps` float16 (M, CHANNELS, S, S): how to do the same to larger pictures of the same places (see
    `compositing.maps`); None where they were not asked for.
    """

    pixels: Tensor
    finite: Tensor
    maps: Tensor | None = None

    def part(self, start: int, end: int) -> Translated:
        """Some of them, in the same memory."""
        tensors = (self.pixels, self.finite, self.maps)
        return Translated(*(None if tensor is None else tensor[start:end] for tensor in tensors))  # type: ignore[arg-type]


class Translator:
    """Translates squares and reads their labels, in batches of one size: the last one is padded, so that a picture's
    result does not depend on its neighbours, to the bit. With another batch size, device or processor it differs by up
    to 1/255 in fp32. Out of memory halves the size and goes on. `runners` is how many batches
    to translate at once, in threads of their own."""

    def __init__(
        self,
        weights: Weights,
        device: torch.device,
        precision: torch.dtype,
        batch_size: int | None = None,
        warn: Callable[[str], None] = lambda text: None,
        engine: str = "torch",
        compiled: bool = False,
    ) -> None:
        repeatable()
        self.size = weights.card.model.image_size
        self.device, self.precision = device, precision
        self.batch_size = batch_size or automatic_batch_size(device, self.size)
        self._warn = warn
        self.runners = _batches_at_once(device, engine, compiled)
        self._layout = memory_layout(device)
        self._attention = weights.card.model.output == "attention"
        self._generator = make_engine(engine, weights.generator, device, precision, compiled)
        discriminator = weights.discriminator
        self._seen = reading_square(weights.card)
        self._read = None if discriminator is None else label_reader(discriminator, device, precision)
        self._streams = DeviceStreams(device)

    @torch.inference_mode()
    def translate(self, pixels: Tensor, labels: Tensor, maps: bool = False) -> Translated:
        """`pixels` uint8 (M, 3, S, S), `labels` float (M, P, label_dim): P passes, one after the other.

        Raises StarganError where the memory does not suffice for one square.
        """

        def run(squares: Tensor, targets: Tensor) -> tuple[Tensor, ...]:
            return self._run_passes(squares, targets, maps)

        with self._streams.own():
            return Translated(*self._in_batches(run, pixels, labels))

    def _run_passes(self, squares: Tensor, targets: Tensor, maps: bool) -> tuple[Tensor, ...]:
        image = source = self._model_input(squares)
        kept, added = source.new_ones(len(source), 1, 1, 1), torch.zeros_like(source)
        for number in range(targets.shape[1]):
            image, colour, mask = self._generator.translate(image, targets[:, number])
            if maps and self._attention:
                added = mask * colour + (1 - mask) * added
                kept = (1 - mask) * kept
        result = (to_pixels(image), image.isfinite().flatten(1).all(dim=1))
        if not maps:
            return result
        return (*result, changes_of(squares, added, kept) if self._attention else changes_of(squares, image - source))

    @torch.inference_mode()
    def read_labels(self, pixels: Tensor) -> Tensor:
        """The classification head's logits for uint8 (M, 3, S, S): float32 (M, class_dim), on the CPU."""
        read = self._read
        if read is None:
            raise ValueError("these weights have no classifier")
        with self._streams.own():
            return self._in_batches(lambda squares: (read(self._seen(self._model_input(squares))),), pixels)[0]

    def _model_input(self, squares: Tensor) -> Tensor:
        return to_model(squares).contiguous(memory_format=self._layout)

    def _in_batches(self, run: Callable[..., tuple[Tensor, ...]], *inputs: Tensor) -> list[Tensor]:
        total, start = len(inputs[0]), 0
        collected: list[tuple[Tensor, ...]] = []
        while start < total:
            number = min(self.batch_size, total - start)
            batch = [_padded(tensor[start : start + number], self.batch_size) for tensor in inputs]
            outputs = self._try(run, batch)
            if outputs is not None:
                collected.append(tuple(fetch(output[:number]) for output in outputs))
                start += number
        self._streams.wait()
        return [torch.cat(tensors) for tensors in zip(*collected, strict=True)]

    def _try(self, run: Callable[..., tuple[Tensor, ...]], batch: list[Tensor]) -> tuple[Tensor, ...] | None:
        """Outputs of one batch; None, and half the batch size from now on, where the memory did not suffice."""
        try:
            return run(*(send(tensor, self.device) for tensor in batch))
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            reason = str(error).split("\n")[0]
        if self.batch_size == 1:
            raise StarganError(
                f"not enough memory on {self.device} for one picture: {reason}", "try --device cpu or free some memory"
            )
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        self.batch_size //= 2
        self._warn(f"out of memory on {self.device}: going on with batches of {self.batch_size}")
        return None


def automatic_batch_size(device: torch.device, size: int) -> int:
    """Squares a batch, for networks that take `size` px: few on a CPU, where more gain nothing."""
    most = {"cuda": CUDA_BATCH, "mps": MPS_BATCH}.get(device.type, CPU_BATCH)
    return max(1, min(most, most * 128 * 128 // (size * size)))


def _batches_at_once(device: torch.device, engine: str, compiled: bool) -> int:
    """On a CPU as many as torch has threads, so that none waits for another. On CUDA two: while one is computed, the
    other is brought and fetched. Other engines, and what is compiled, have their own ways to keep a machine busy."""
    if engine != "torch" or compiled or device.type == "mps":
        return 1
    return 2 if device.type == "cuda" else min(torch.get_num_threads(), MOST_RUNNERS)


def is_out_of_memory(error: BaseException) -> bool:
    words = str(error).lower()
    return isinstance(error, (torch.cuda.OutOfMemoryError, MemoryError)) or any(
        sign in words for sign in ("out of memory", "can't allocate memory", "not enough memory")
    )


def _padded(tensor: Tensor, length: int) -> Tensor:
    """(n, ...) -> (length, ...): the last row is repeated."""
    missing = length - len(tensor)
    return torch.cat([tensor, tensor[-1:].expand(missing, *tensor.shape[1:])]) if missing > 0 else tensor
