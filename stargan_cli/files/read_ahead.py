"""Fetch slow items in a separate thread, a bounded number ahead of the consumer."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from typing import TypeVar

AHEAD_BYTES = 2**26
AHEAD_ITEMS = 1024
POLL_SECONDS = 0.1
CLOSING_SECONDS = 1.0

Item = TypeVar("Item")


class _Ended(Exception):
    pass


def read_ahead(
    items: Iterable[Item],
    weigh: Callable[[Item], int] = lambda item: 0,
    most: int = AHEAD_ITEMS,
    stop: Callable[[], bool] = lambda: False,
) -> Generator[Item, None, None]:
    """Yield the same items in the same order, until `stop`, and at the end raise what `items` raises.

    The thread pauses while `most` items wait, or with `weigh` (bytes) while those that wait weigh AHEAD_BYTES or more.
    Closing the generator ends the thread, after the item that is being fetched. If that takes longer than
    CLOSING_SECONDS (a network share does not answer, say), closing no longer waits for it: so `items` must open and
    close its own files.
    """
    waiting: deque[Item] = deque()
    changed = threading.Condition()
    held, closed = 0, False
    end: BaseException | None = None

    def has_room() -> bool:
        return closed or not waiting or (held < AHEAD_BYTES and len(waiting) < most)

    def fetch() -> None:
        nonlocal held, end
        problem: BaseException = _Ended()
        try:
            for item in items:
                with changed:
                    waiting.append(item)
                    held += weigh(item)
                    changed.notify_all()
                    changed.wait_for(has_room)
                    if closed:
                        return
        except BaseException as error:
            problem = error
        finally:
            with changed:
                end = problem
                changed.notify_all()

    thread = threading.Thread(target=fetch, name="read ahead", daemon=True)
    thread.start()
    try:
        while True:
            if stop():
                return
            with changed:
                if not changed.wait_for(lambda: waiting or end is not None, POLL_SECONDS):
                    continue
                if not waiting:
                    break
                item = waiting.popleft()
                held -= weigh(item)
                changed.notify_all()
            yield item
    finally:
        with changed:
            closed = True
            changed.notify_all()
        thread.join(CLOSING_SECONDS)
    if not isinstance(end, _Ended):
        raise end  # type: ignore[misc]
