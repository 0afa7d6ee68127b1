"""CUDA graphs: work on a GPU is recorded once, and replayed with one call on the host."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from threading import local
from typing import Any, Generic, Protocol, TypeVar

import torch

from stargan_cli.errors import first_line
from stargan_cli.progress import Say, unheard

Result = TypeVar("Result")
EAGER_CALLS = 3
"""Plain calls that a thread makes before it records. In them cuDNN creates the thread's handle and chooses its
algorithms, optimisers create their state, and a compiler compiles. None of it can be done inside a recording."""


class Recording(Protocol):
    """Records the work done inside `record`; `replay` does it again, with the same tensors, in place."""

    def record(self) -> AbstractContextManager[object]: ...
    def replay(self) -> None: ...


class Recorder(Protocol):
    """Makes recordings. The plain calls before a recording run inside `warming_up`."""

    def warming_up(self) -> AbstractContextManager[object]: ...
    def begin(self) -> Recording: ...


class Captured(Generic[Result]):
    """Calls `work`. A thread's fourth call with the same arguments records it; from then on all threads replay that.

    `work` must read changing values from tensors alone, whose addresses stay the same, and must never wait for the
    device. The result of a recording is valid until the next call. If `work` cannot be recorded, `warn` gets the
    reason, once, and all calls without a recording run plainly.

    An autocast region that begins and ends inside `work` may cache its casts of weights: they are made and dropped
    inside the recording. A region around it must not (`cache_enabled=False`): a recording would use old weights.
    """

    def __init__(self, work: Callable[..., Result], recorder: Recorder, warn: Say = unheard) -> None:
        self._work, self._recorder, self._warn = work, recorder, warn
        self._threads = local()
        self._recorded: dict[Hashable, tuple[Recording, Result]] = {}
        self._records = True

    def __call__(self, *arguments: Hashable) -> Result:
        if arguments not in self._recorded and not self._record(arguments):
            with self._recorder.warming_up():
                return self._work(*arguments)
        recording, result = self._recorded[arguments]
        recording.replay()
        return result

    def _record(self, arguments: tuple[Hashable, ...]) -> bool:
        """Record the call if it is due. Returns whether there is a recording now."""
        calls: Counter[Hashable] = self._threads.__dict__.setdefault("calls", Counter())
        calls[arguments] += 1
        if not self._records or calls[arguments] <= EAGER_CALLS:
            return False
        try:
            recording = self._recorder.begin()
            with recording.record():
                result = self._work(*arguments)
        except Exception as error:  # what the device or the driver cannot record, it can still compute
            self._records = False
            self._warn(f"no CUDA graph could be recorded; going on without, which is slower: {first_line(error)}")
            return False
        self._recorded[arguments] = recording, result
        return True


class CudaGraphs:
    """A `Recorder` on the current CUDA device. Its graphs share their memory, so only one may run at a time.

    It records on `stream`, by default a new one. Graphs may be replayed in any order: a graph reads nothing that
    another one left, except results, whose memory is not shared.
    """

    def __init__(self, stream: torch.cuda.Stream | None = None) -> None:
        self.pool: Any = torch.cuda.graph_pool_handle()
        self.stream = stream or torch.cuda.Stream()  # type: ignore[no-untyped-call]
        self.unfinished = list[Any]()

    @contextmanager
    def warming_up(self) -> Iterator[None]:
        """Run on the recording stream: autograd binds what it creates to its stream."""
        self.stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self.stream):
            yield
        torch.cuda.current_stream().wait_stream(self.stream)

    def begin(self) -> Recording:
        return _CudaGraph(self)


class _CudaGraph:
    def __init__(self, graphs: CudaGraphs) -> None:
        self._graph, self._graphs = torch.cuda.CUDAGraph(), graphs

    @contextmanager
    def record(self) -> Iterator[None]:
        before = torch.cuda.current_stream()
        pool, stream = self._graphs.pool, self._graphs.stream
        try:
            # Other threads may copy pictures meanwhile: their calls are not part of this recording.
            with torch.cuda.graph(self._graph, pool=pool, stream=stream, capture_error_mode="thread_local"):
                yield
        except BaseException:
            # If a recording fails, `torch.cuda.graph` leaves its stream the current one, and the allocator, which
            # believes that it still records, would refuse to free memory. `_cuda_endAllocateToPool` raises
            # RuntimeError if the allocator had already stopped recording; that is ignored.
            torch.cuda.set_stream(before)
            with suppress(RuntimeError, AttributeError):
                torch._C._cuda_endAllocateToPool(before.device_index, pool)
                self._graphs.unfinished.append(self._graph)  # the allocator of pinned memory still refers to it
                torch._C._cuda_releasePool(before.device_index, pool)
            raise

    def replay(self) -> None:
        self._graph.replay()
