"""Weights on a device, as a function on batches of model squares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from stargan_cli.compositing.placement import Laying
from stargan_cli.device import repeatable
from stargan_cli.errors import StarganError, first_line, is_out_of_memory
from stargan_cli.lanes import Lane, Lanes, Work, padded
from stargan_cli.progress import Say, unheard
from stargan_cli.translate.device_networks import DeviceNetworks
from stargan_cli.weights.files import Weights

CPU_BATCH, MPS_BATCH, CUDA_BATCH = 4, 16, 64
MOST_RUNNERS = 16


@dataclass(frozen=True)
class Translated:
    """The results for M squares, on the CPU.

    `changes`: the translated squares, uint8 (M, 3, S, S); or, if maps were asked for, the maps of the same change for
    larger pictures, float16 (M, CHANNELS, S, S) (see `compositing.maps`).
    `finite` bool (M,): False if the network's output has NaN or infinite values.
    """

    changes: Tensor
    finite: Tensor

    def part(self, start: int, end: int) -> Translated:
        """The results from `start` to `end`, in the same memory."""
        return Translated(self.changes[start:end], self.finite[start:end])


class Translator:
    """Translates squares and reads their labels, in batches of one size.

    The last batch is padded, so that a picture's result is the same to the bit whatever else is in its batch. Another
    batch size, device or processor changes the result by up to 1/255 in fp32. If memory runs out, the batch size is
    halved and the work continues. `runners` is how many batches to translate at once, each in a thread of its own.
    `lanes` may be shared with other networks on `device`.
    """

    def __init__(
        self,
        weights: Weights,
        device: torch.device,
        precision: torch.dtype,
        batch_size: int | None = None,
        *,
        warn: Say = unheard,
        engine: str = "torch",
        compiled: bool = False,
        lanes: Lanes | None = None,
    ) -> None:
        repeatable(device)
        self.size = weights.card.model.image_size
        self.device, self.precision = device, precision
        self.batch_size = batch_size or automatic_batch_size(device, self.size)
        self._warn = warn
        self.runners = _batches_at_once(device, engine, compiled)
        self._lanes = lanes or Lanes(device, warn)
        self.networks = self._lanes.bring(lambda: DeviceNetworks(weights, device, precision, engine, compiled))

    @torch.inference_mode()
    def translate(self, pixels: Tensor, labels: Tensor, laying: Laying | None = None) -> Translated:
        """Translate `pixels` uint8 (M, 3, S, S) to `labels` float (M, P, label_dim), in P passes, one after the other.
        With the `laying` of the M squares, the result has maps.

        Raises StarganError if there is not enough memory for one square.
        """
        if laying is None:
            return Translated(*self._in_batches(self.networks.pixels, pixels, labels))
        return Translated(*self._in_batches(self.networks.maps, pixels, labels, *map(torch.from_numpy, laying.needed)))

    @torch.inference_mode()
    def read_labels(self, pixels: Tensor) -> Tensor:
        """The classification head's logits for uint8 (M, 3, S, S): float32 (M, class_dim), on the CPU."""
        return self._in_batches(self.networks.logits, pixels)[0]

    def _in_batches(self, work: Work, *inputs: Tensor) -> list[Tensor]:
        total, start = len(inputs[0]), 0
        collected: list[tuple[Tensor, ...]] = []
        with self._lanes.one() as lane:
            while start < total:
                length = self.batch_size
                number = min(length, total - start)
                outputs = self._try(lane, work, [tensor[start : start + number] for tensor in inputs], length)
                if outputs is not None:
                    collected.append(tuple(lane.fetch(output[:number]) for output in outputs))
                    start += number
            lane.wait()
        return [_joined(tensors) for tensors in zip(*collected, strict=True)]

    def _try(self, lane: Lane, work: Work, rows: list[Tensor], length: int) -> tuple[Tensor, ...] | None:
        """The outputs of one batch: `rows`, padded to `length`. If memory runs out: None, and the batch size is halved
        from now on."""
        try:
            return lane.run(work, *(padded(tensor, length) for tensor in rows))
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            reason = first_line(error)
        if self.batch_size == 1:
            raise StarganError(
                f"not enough memory on {self.device} for one picture: {reason}", "try --device cpu or free some memory"
            )
        self._lanes.give_back()
        self.batch_size //= 2
        self._warn(f"out of memory on {self.device}: going on with batches of {self.batch_size}")
        return None


def automatic_batch_size(device: torch.device, size: int) -> int:
    """Squares in a batch, for networks of `size` px: few on a CPU, where larger batches are no faster."""
    most = {"cuda": CUDA_BATCH, "mps": MPS_BATCH}.get(device.type, CPU_BATCH)
    return max(1, min(most, most * 128 * 128 // (size * size)))


def _batches_at_once(device: torch.device, engine: str, compiled: bool) -> int:
    """On a CPU, one for each thread of torch, so that no thread waits for another. On CUDA two: one is computed while
    the other is copied. Other engines, and networks compiled for a CPU, use all cores for one batch."""
    if device.type == "cuda":
        return 2
    if engine != "torch" or compiled or device.type == "mps":
        return 1
    return min(torch.get_num_threads(), MOST_RUNNERS)


def _joined(tensors: Sequence[Tensor]) -> Tensor:
    return tensors[0] if len(tensors) == 1 else torch.cat(list(tensors))
