"""Weights on a device, as a function on batches of model squares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from stargan_cli.compositing.placement import Laying
from stargan_cli.device import repeatable
from stargan_cli.errors import StarganError
from stargan_cli.lanes import Lane, Lanes, Work, padded
from stargan_cli.translate.passes import Passes
from stargan_cli.weights.files import Weights

CPU_BATCH, MPS_BATCH, CUDA_BATCH = 4, 16, 64
MOST_RUNNERS = 16


@dataclass(frozen=True)
class Translated:
    """What was made of M squares, on the CPU.

    `changes`: the translated squares, uint8 (M, 3, S, S); or, where maps were asked for, float16 (M, CHANNELS, S, S):
    how to do the same to larger pictures of the same places (see `compositing.maps`).
    `finite` bool (M,): False where the network gave NaN or infinite numbers.
    """

    changes: Tensor
    finite: Tensor

    def part(self, start: int, end: int) -> Translated:
        """Some of them, in the same memory."""
        return Translated(self.changes[start:end], self.finite[start:end])


class Translator:
    """Translates squares and reads their labels, in batches of one size: the last one is padded, so that a picture's
    result does not depend on its neighbours, to the bit. With another batch size, device or processor it differs by up
    to 1/255 in fp32. Out of memory halves the size and goes on. `runners` is how many batches to translate at once, in
    threads of their own. `lanes` lead through `device`; others may use them too."""

    def __init__(
        self,
        weights: Weights,
        device: torch.device,
        precision: torch.dtype,
        batch_size: int | None = None,
        warn: Callable[[str], None] = lambda text: None,
        engine: str = "torch",
        compiled: bool = False,
        lanes: Lanes | None = None,
    ) -> None:
        repeatable()
        self.size = weights.card.model.image_size
        self.device, self.precision = device, precision
        self.batch_size = batch_size or automatic_batch_size(device, self.size)
        self._warn = warn
        self.runners = _batches_at_once(device, engine, compiled)
        self._lanes = lanes or Lanes(device, warn)
        self.passes = self._lanes.bring(lambda: Passes(weights, device, precision, engine, compiled))

    @torch.inference_mode()
    def translate(self, pixels: Tensor, labels: Tensor, laying: Laying | None = None) -> Translated:
        """`pixels` uint8 (M, 3, S, S), `labels` float (M, P, label_dim): P passes, one after the other. With `laying`,
        of M squares, maps are made.

        Raises StarganError where the memory does not suffice for one square.
        """
        if laying is None:
            return Translated(*self._in_batches(self.passes.pixels, pixels, labels))
        return Translated(*self._in_batches(self.passes.maps, pixels, labels, *map(torch.from_numpy, laying.needed)))

    @torch.inference_mode()
    def read_labels(self, pixels: Tensor) -> Tensor:
        """The classification head's logits for uint8 (M, 3, S, S): float32 (M, class_dim), on the CPU."""
        return self._in_batches(self.passes.logits, pixels)[0]

    def _in_batches(self, work: Work, *inputs: Tensor) -> list[Tensor]:
        total, start = len(inputs[0]), 0
        collected: list[tuple[Tensor, ...]] = []
        with self._lanes.one() as lane:
            while start < total:
                number = min(self.batch_size, total - start)
                batch = [padded(tensor[start : start + number], self.batch_size) for tensor in inputs]
                outputs = self._try(lane, work, batch)
                if outputs is not None:
                    collected.append(tuple(lane.fetch(output[:number]) for output in outputs))
                    start += number
            lane.wait()
        return [_joined(tensors) for tensors in zip(*collected, strict=True)]

    def _try(self, lane: Lane, work: Work, batch: list[Tensor]) -> tuple[Tensor, ...] | None:
        """Outputs of one batch; None, and half the batch size from now on, where the memory did not suffice."""
        try:
            return lane.run(work, *batch)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            reason = str(error).split("\n")[0]
        if self.batch_size == 1:
            raise StarganError(
                f"not enough memory on {self.device} for one picture: {reason}", "try --device cpu or free some memory"
            )
        self._lanes.give_back()
        self.batch_size //= 2
        self._warn(f"out of memory on {self.device}: going on with batches of {self.batch_size}")
        return None


def automatic_batch_size(device: torch.device, size: int) -> int:
    """Squares a batch, for networks that take `size` px: few on a CPU, where more gain nothing."""
    most = {"cuda": CUDA_BATCH, "mps": MPS_BATCH}.get(device.type, CPU_BATCH)
    return max(1, min(most, most * 128 * 128 // (size * size)))


def _batches_at_once(device: torch.device, engine: str, compiled: bool) -> int:
    """On a CPU as many as torch has threads, so that none waits for another. On CUDA two: while one is computed, the
    other is brought and fetched. Other engines, and what is compiled for a CPU, use all cores for one batch."""
    if device.type == "cuda":
        return 2
    if engine != "torch" or compiled or device.type == "mps":
        return 1
    return min(torch.get_num_threads(), MOST_RUNNERS)


def is_out_of_memory(error: BaseException) -> bool:
    words = str(error).lower()
    return isinstance(error, (torch.cuda.OutOfMemoryError, MemoryError)) or any(
        sign in words for sign in ("out of memory", "can't allocate memory", "not enough memory")
    )


def _joined(tensors: Sequence[Tensor]) -> Tensor:
    return tensors[0] if len(tensors) == 1 else torch.cat(list(tensors))
