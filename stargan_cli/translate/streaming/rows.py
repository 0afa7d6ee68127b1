"""The rows of a translation that runs in a thread, as a stream."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

import torch

from stargan_cli.translate.report import Row

ROWS_AHEAD = 64


def rows_of(job: Callable[..., object]) -> Iterator[Row]:
    """Run `job` (`run.translate`, given all but `on_row` and `stop`) in a thread and yield its rows.

    The thread is at most ROWS_AHEAD rows ahead of the caller. Closing the iterator stops the job and waits for its end.
    Raises what the job raises.
    """
    rows: queue.Queue[Row | BaseException | None] = queue.Queue(ROWS_AHEAD)
    stopped, threads = threading.Event(), torch.get_num_threads()

    def run() -> None:
        try:
            torch.set_num_threads(threads)  # else the last number that was set in any thread
            job(on_row=rows.put, stop=stopped.is_set)
            rows.put(None)
        except BaseException as error:
            rows.put(error)

    worker = threading.Thread(target=run, name="translate", daemon=True)
    worker.start()
    try:
        while (row := rows.get()) is not None:
            if isinstance(row, BaseException):
                raise row
            yield row
    finally:
        stopped.set()
        while worker.is_alive():
            _empty(rows)
            worker.join(timeout=0.05)


def _empty(rows: queue.Queue[Any]) -> None:
    while not rows.empty():
        rows.get_nowait()
