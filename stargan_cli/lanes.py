"""Batches from the CPU through networks on a device and back, from several threads at once."""

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

Work = Callable[..., tuple[Tensor, ...]]
"""From tensors on the device to others there. A CUDA graph can hold it: after its first calls it neither waits for the
device nor takes anything from the host."""
Places = dict[tuple[Any, ...], tuple[Tensor, ...]]
"""By work and the shapes of its batch, where the batch lies each time."""
Loaded = TypeVar("Loaded")

_LAUNCHING = Lock()
"""Held while a GPU is given a batch, which takes less time than the batch does there. While one thread records a graph,
no other may ask for memory of the device or wait for all of it; they wait for their own streams alone."""


class Lane:
    """The way of one batch at a time through a device: `run`, `fetch`, `wait`. Without `stream` it is the calling
    thread's; with a `recorder` work becomes recordings, which read their batches from fixed places."""

    def __init__(
        self,
        device: torch.device,
        stream: torch.cuda.Stream | None,
        recorder: Recorder | None,
        warn: Callable[[str], None],
    ) -> None:
        self.device, self.stream, self._recorder, self._warn = device, stream, recorder, warn
        self.forget()

    def forget(self) -> None:
        """Throw recordings away; they are made anew where they are needed. None may be running."""
        self._places: Places = {}
        compute = partial(_on_places, self._places)  # a method would keep a lane, and its memory, from going at once
        self._captured = None if self._recorder is None else Captured(compute, self._recorder, self._warn)

    def run(self, work: Work, *inputs: Tensor) -> tuple[Tensor, ...]:
        """What `work` makes of CPU tensors, on the device. It holds until the next batch of this lane."""
        with self._launching():
            return self._run(work, inputs)

    def fetch(self, tensor: Tensor) -> Tensor:
        """A copy on the CPU, complete once `wait` was called; before, nothing waits."""
        with self._launching():
            return fetch(tensor)

    def wait(self) -> None:
        """Until all that this lane was given is done and fetched."""
        if self.stream is not None:
            self.stream.synchronize()

    def _launching(self) -> AbstractContextManager[object]:
        return nullcontext() if self.stream is None else _LAUNCHING

    def _run(self, work: Work, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        if self._captured is None:
            return work(*(send(one, self.device) for one in inputs))
        key = (work, *((one.shape, one.dtype) for one in inputs))
        if key not in self._places:
            self._places[key] = tuple(torch.empty(one.shape, dtype=one.dtype, device=self.device) for one in inputs)
        for one, place in zip(inputs, self._places[key], strict=True):
            put(one, place)
        return self._captured(key)


def _on_places(places: Places, key: tuple[Any, ...]) -> tuple[Tensor, ...]:
    made: tuple[Tensor, ...] = key[0](*places[key])
    return made


class Lanes:
    """As many lanes through a device as threads use at once.

    On CUDA each has a stream, so that one's copies go beside another's computing, and with `graphs` each work becomes a
    graph for each shape of its batches, from the fourth on (see `Captured`). On other devices work is called plainly.
    `warn` gets the reason where there can be no graph, once.
    """

    def __init__(
        self, device: torch.device, warn: Callable[[str], None] = lambda text: None, graphs: bool = True
    ) -> None:
        self._device, self._graphs, self._warn = device, graphs, _once(warn)
        self._all, self._free = list[Lane](), list[Lane]()

    @contextmanager
    def one(self) -> Iterator[Lane]:
        """A lane for the calling thread, in whose stream torch computes meanwhile."""
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
        """What `load` brings to the device, once it is there for the streams of all lanes."""
        with _LAUNCHING:
            loaded = load()
            if self._device.type == "cuda":
                torch.cuda.synchronize(self._device)
        return loaded

    def give_back(self) -> None:
        """Give back the memory of the device that is kept for graphs and for later."""
        with _LAUNCHING:
            if self._device.type == "cuda":
                torch.cuda.synchronize(self._device)  # a graph that is thrown away must have ended
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


def _once(warn: Callable[[str], None]) -> Callable[[str], None]:
    """Gives the first text alone on."""
    said: list[str] = []

    def warn_once(text: str) -> None:
        if not said:
            said.append(text)
            warn(text)

    return warn_once
