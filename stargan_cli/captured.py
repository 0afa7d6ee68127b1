"""Work on a GPU that is launched as a whole: a CUDA graph, recorded once, costs the host one call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from threading import local
from typing import Any, Generic, Protocol, TypeVar

import torch

Result = TypeVar("Result")
EAGER_CALLS = 3
"""Calls before the recording, by the thread that records: cuDNN makes that thread's handle and chooses its algorithms,
the optimisers make their state, a compiler compiles. None of it can be done inside a recording."""


class Recording(Protocol):
    """What is computed inside `record` is noted, and computed by `replay`: with the same tensors, in place."""

    def record(self) -> AbstractContextManager[object]: ...
    def replay(self) -> None: ...


class Recorder(Protocol):
    """Makes recordings; calls before them run in `warming_up`."""

    def warming_up(self) -> AbstractContextManager[object]: ...
    def begin(self) -> Recording: ...


class Captured(Generic[Result]):
    """Calls `work`; from a thread's fourth call with the same arguments on, plays back a recording, in all threads.

    `work` may read what changes from tensors alone, which stay in their places, and must never wait for the device.
    The result of a recording holds until the next call. Where `work` cannot be recorded, `warn` gets the reason, once,
    and every call without a recording is computed plainly.

    An autocast region that begins and ends inside `work` may keep its casts of weights: they are made and dropped
    inside the recording. One around it must not (`cache_enabled=False`): a recording would compute with old weights.
    """

    def __init__(
        self, work: Callable[..., Result], recorder: Recorder, warn: Callable[[str], None] = lambda text: None
    ) -> None:
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
        """Whether there is a recording now."""
        calls: Counter[Hashable] = self._threads.__dict__.setdefault("calls", Counter())
        calls[arguments] += 1
        if not self._records or calls[arguments] <= EAGER_CALLS:
            return False
        try:
            recording = self._recorder.begin()
            with recording.record():
                result = self._work(*arguments)
        except Exception as error:  # whatever the device or the driver does not record, it can compute
            self._records = False
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            self._warn(f"no CUDA graph could be recorded; going on without, which is slower: {reason}")
            return False
        self._recorded[arguments] = recording, result
        return True


class CudaGraphs:
    """A `Recorder` on the current CUDA device. One of its graphs runs at a time: they share their memory.

    `stream` records; by default one of its own. No graph reads what another one left, other than results, whose memory
    stays theirs: the order in which they are replayed does not matter.
    """

    def __init__(self, stream: torch.cuda.Stream | None = None) -> None:
        self.pool: Any = torch.cuda.graph_pool_handle()
        self.stream = stream or torch.cuda.Stream()  # type: ignore[no-untyped-call]
        self.unfinished = list[Any]()

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

    @contextmanager
    def record(self) -> Iterator[None]:
        before = torch.cuda.current_stream()
        pool, stream = self._graphs.pool, self._graphs.stream
        try:
            # Other threads may copy pictures meanwhile: their calls are not of this recording.
            with torch.cuda.graph(self._graph, pool=pool, stream=stream, capture_error_mode="thread_local"):
                yield
        except BaseException:
            # `torch.cuda.graph` leaves its stream behind where a recording cannot end, and the allocator takes it to go
            # on: it would refuse to free memory. Of one that was ended, the first call raises.
            torch.cuda.set_stream(before)
            with suppress(RuntimeError, AttributeError):
                torch._C._cuda_endAllocateToPool(before.device_index, pool)
                self._graphs.unfinished.append(self._graph)  # the allocator of pinned memory still points at it
                torch._C._cuda_releasePool(before.device_index, pool)
            raise

    def replay(self) -> None:
        self._graph.replay()
