"""What processes of a Ray cluster tell each other: a value that is awaited, and a sign to stop."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

POLL_SECONDS = 0.2


class Awaited:
    """An actor that holds a value: whoever asks for it before it is there waits."""

    def __init__(self) -> None:
        self._there = asyncio.Event()
        self._value: Any = None

    async def put(self, value: Any) -> None:
        self._value = value
        self._there.set()

    async def get(self) -> Any:
        await self._there.wait()
        return self._value


class StopSign:
    """False when called, and True in all processes that it was sent to once `show` is called in one of them. Raises a
    RayError if the cluster has lost it."""

    def __init__(self, ray: Any) -> None:
        self._shown = ray.remote(num_cpus=0)(Awaited).remote()
        self._answer: Any = None

    def __getstate__(self) -> dict[str, Any]:
        return {"_shown": self._shown, "_answer": None}

    def show(self) -> None:
        self._shown.put.remote(True)

    def __call__(self) -> bool:
        ray = importlib.import_module("ray")
        if self._answer is None:
            self._answer = self._shown.get.remote()
        there, _ = ray.wait([self._answer], timeout=0)
        return bool(there and ray.get(there[0]))

    @contextmanager
    def shown_once(self, stop: Callable[[], bool]) -> Iterator[None]:
        """In the block, a thread shows the sign once `stop`, which cannot be sent to a cluster, returns True."""
        left = Event()

        def watch() -> None:
            while not left.wait(POLL_SECONDS):
                if stop():
                    self.show()
                    return

        thread = Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            left.set()
            thread.join()
