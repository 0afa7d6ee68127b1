"""Pools of threads that compute side by side."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

import torch

from stargan_cli.progress import Progress

AHEAD = 256  # items whose results wait for the caller, in memory
POLL_SECONDS = 0.1

Item = TypeVar("Item")
Result = TypeVar("Result")


class Pool(ThreadPoolExecutor):
    """A pool of threads. An exception that leaves its `with` block, Ctrl-C too, does not wait for work in progress, and
    drops work that waits. At its end, a Python process waits for work in progress; a command that was interrupted or
    has failed does not (see `__main__`).
    """

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self.shutdown(wait=kind is None, cancel_futures=kind is not None)

    def in_order(
        self, work: Callable[[Item], Result], items: Sequence[Item], progress: Progress, note: str = ""
    ) -> Iterator[Result]:
        """Yield `work` of each item, at most AHEAD items ahead of the caller. `progress` is called after each item, and
        every POLL_SECONDS while the next result is not there: it may raise an exception, to end the work."""
        coming: deque[Future[Result]] = deque(self.submit(work, item) for item in items[:AHEAD])
        for done in range(len(items)):
            while not coming[0].done():
                wait([coming[0]], POLL_SECONDS)
                progress(done, len(items), note)
            yield coming.popleft().result()
            progress(done + 1, len(items), note)
            coming.extend(self.submit(work, item) for item in items[done + AHEAD : done + AHEAD + 1])


def side_by_side(workers: int, name: str, threads: int = 1) -> Pool:
    """A pool of `workers` threads, in each of which torch uses `threads` threads. Use 1 unless the workers run alone:
    torch threads that share an operation wait for each other, on a busy machine for seconds. The calling thread keeps
    its own number."""
    # A thread that has not asked for its number yet would take over the last one that any thread sets. Asking fixes it.
    torch.get_num_threads()
    return Pool(workers, name, initializer=_compute_with, initargs=(threads,))


def _compute_with(threads: int) -> None:
    torch.get_num_threads()  # as above
    torch.set_num_threads(threads)
