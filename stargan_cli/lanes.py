"""Send batches from the CPU through networks on a device and back, from several threads at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from threading import Lock
from typing import Any, TypeVar

import torch
from torch import Tensor

from stargan_cli.captured import Captured, CudaGraphs, Recorder
from stargan_cli.device import fetch, put, send
from stargan_cli.progress import Say, unheard

Work = Callable[..., tuple[Tensor, ...]]
"""A function from tensors on the device to tensors on the device. A CUDA graph can record it: after its first calls it
neither waits for the device nor reads from the host."""
Inputs = dict[tuple[Any, ...], tuple[Tensor, ...]]
"""The tensors into which batches are copied, by work and the shapes of the batch."""
Loaded = TypeVar("Loaded")

_LAUNCHING = Lock()
"""Held while a thread launches a batch on a GPU, which takes less time than the batch itself. While one thread records
a graph, no other may allocate device memory or wait for the whole device; each waits for its own stream alone."""


class Lane:
    """Takes one batch at a time through a device: `run`, `fetch`, `wait`.

    Without `stream` it uses the calling thread's. With a `recorder` work is recorded, and recordings read their batches
    from fixed tensors.
    """

    def __init__(
        self,
        device: torch.device,
        stream: torch.cuda.Stream | None,
        recorder: Recorder | None,
        warn: Say,
    ) -> None:
        self.device, self.stream, self._recorder, self._warn = device, stream, recorder, warn
        self.forget()

    def forget(self) -> None:
        """Throw recordings away; they are made anew where they are needed. None may be running."""
        self._inputs: Inputs = {}
        compute = partial(_on_inputs, self._inputs)  # a method would be a reference cycle, and free the memory late
        self._captured = None if self._recorder is None else Captured(compute, self._recorder, self._warn)

    def run(self, work: Work, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Run `work` on CPU tensors. The result is on the device, and valid until the next batch of this lane."""
        with self._launching():
            return self._run(work, inputs)

    def fetch(self, tensor: Tensor) -> Tensor:
        """Start a copy to the CPU. It is complete once `wait` has returned."""
        with self._launching():
            return fetch(tensor)

    def wait(self) -> None:
        """Wait until all work and copies of this lane are done."""
        if self.stream is not None:
            self.stream.synchronize()

    def _launching(self) -> AbstractContextManager[object]:
        return nullcontext() if self.stream is None else _LAUNCHING

    def _run(self, work: Work, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        if self._captured is None:
            return work(*(send(one, self.device) for one in inputs))
        key = (work, *((one.shape, one.dtype) for one in inputs))
        if key not in self._inputs:
            self._inputs[key] = tuple(torch.empty(one.shape, dtype=one.dtype, device=self.device) for one in inputs)
        for one, own in zip(inputs, self._inputs[key], strict=True):
            put(one, own)
        return self._captured(key)


def _on_inputs(inputs: Inputs, key: tuple[Any, ...]) -> tuple[Tensor, ...]:
    made: tuple[Tensor, ...] = key[0](*inputs[key])
    return made


class Lanes:
    """A pool of lanes through a device, with as many lanes as threads use it at once.

    On CUDA each lane has a stream, so that its copies overlap with the others' computing. With `graphs`, each work is
    recorded as a graph for each shape of its batches, at the fourth batch (see `Captured`). On other devices work is
    called plainly. `warn` gets the reason, once, if no graph can be recorded.
    """

    def __init__(self, device: torch.device, warn: Say = unheard, graphs: bool = True) -> None:
        self._device, self._graphs, self._warn = device, graphs, _once(warn)
        self._all, self._free = list[Lane](), list[Lane]()

    @contextmanager
    def one(self) -> Iterator[Lane]:
        """Lend the calling thread a lane, in whose stream torch computes meanwhile."""
        try:
            lane = self._free.pop()
        except IndexError:
            lane = self._made()
        try:
            with nullcontext() if lane.stream is None else torch.cuda.stream(lane.stream):
                yield lane
        finally:
            self._free.append(lane)

    def bring(self, load: Callable[[], Loaded]) -> Loaded:
        """Call `load`, which copies something to the device; return its result once all lanes' streams can use it."""
        with _LAUNCHING:
            loaded = load()
            if self._device.type == "cuda":
                torch.cuda.synchronize(self._device)
        return loaded

    def give_back(self) -> None:
        """Free the device memory that graphs and torch's cache hold."""
        with _LAUNCHING:
            if self._device.type == "cuda":
                torch.cuda.synchronize(self._device)  # a graph must have ended before it is thrown away
            for lane in self._all:
                lane.forget()
            if self._device.type == "cuda":
                torch.cuda.empty_cache()
            elif self._device.type == "mps":
                torch.mps.empty_cache()

    def _made(self) -> Lane:
        stream = torch.cuda.Stream(self._device) if self._device.type == "cuda" else None  # type: ignore[no-untyped-call]
        lane = Lane(self._device, stream, self._recorder(stream), self._warn)
        self._all.append(lane)
        return lane

    def _recorder(self, stream: torch.cuda.Stream | None) -> Recorder | None:
        return CudaGraphs(stream) if self._graphs and stream is not None else None


def padded(tensor: Tensor, length: int) -> Tensor:
    """(n, ...) -> (length, ...): the last row is repeated."""
    missing = length - len(tensor)
    return torch.cat([tensor, tensor[-1:].expand(missing, *tensor.shape[1:])]) if missing > 0 else tensor


def _once(warn: Say) -> Say:
    """A `warn` that passes on the first text alone."""
    said: list[str] = []

    def warn_once(text: str) -> None:
        if not said:
            said.append(text)
            warn(text)

    return warn_once
