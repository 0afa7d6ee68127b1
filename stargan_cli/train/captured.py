"""Work on a GPU that is launched as a whole: a CUDA graph, recorded once, costs the host one call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Generic, Protocol, TypeVar

import torch

Result = TypeVar("Result")
EAGER_CALLS = 3
"""Calls before the recording: cuDNN tries its algorithms, the optimisers make their state."""


class Recording(Protocol):
    """What is computed inside `record` is noted, and computed by `replay`: with the same tensors, in place."""

    def record(self) -> AbstractContextManager[object]: ...
    def replay(self) -> None: ...


class Recorder(Protocol):
    """Makes recordings; calls before them run in `warming_up`."""

    def warming_up(self) -> AbstractContextManager[object]: ...
    def begin(self) -> Recording: ...


class Captured(Generic[Result]):
    """Calls `work`; from the fourth call with the same arguments on, plays back a recording of it.

    `work` may read what changes from tensors alone, which stay in their places, and must never wait for the device.
    The result of a recording holds until the next call.
    """

    def __init__(self, work: Callable[..., Result], recorder: Recorder) -> None:
        self._work, self._recorder = work, recorder
        self._calls: Counter[Hashable] = Counter()
        self._recorded: dict[Hashable, tuple[Recording, Result]] = {}

    def __call__(self, *arguments: Hashable) -> Result:
        if self._calls[arguments] < EAGER_CALLS:
            self._calls[arguments] += 1
            with self._recorder.warming_up():
                return self._work(*arguments)
        if arguments not in self._recorded:
            recording = self._recorder.begin()
            with recording.record():
                result = self._work(*arguments)
            self._recorded[arguments] = recording, result
        recording, result = self._recorded[arguments]
        recording.replay()
        return result


class CudaGraphs:
    """A `Recorder` on the current CUDA device. One graph runs at a time: they share their memory."""

    def __init__(self) -> None:
        self.pool = torch.cuda.graph_pool_handle()
        self.stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]

    @contextmanager
    def warming_up(self) -> Iterator[None]:
        """On the stream that records: what autograd makes there stays bound to it."""
        self.stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self.stream):
            yield
        torch.cuda.current_stream().wait_stream(self.stream)

    def begin(self) -> Recording:
        return _CudaGraph(self)


class _CudaGraph:
    def __init__(self, graphs: CudaGraphs) -> None:
        self._graph, self._graphs = torch.cuda.CUDAGraph(), graphs

    def record(self) -> AbstractContextManager[object]:
        # Other threads may copy pictures meanwhile: their calls are not of this recording.
        return torch.cuda.graph(
            self._graph, pool=self._graphs.pool, stream=self._graphs.stream, capture_error_mode="thread_local"
        )

    def replay(self) -> None:
        self._graph.replay()
