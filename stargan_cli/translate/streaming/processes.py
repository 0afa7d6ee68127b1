"""Worker processes, each of which owns some of the pictures, as the main process sees them.

A worker that dies is replaced. The picture that it was working on fails; its others begin again in other workers.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from math import inf
from queue import Empty, SimpleQueue
from typing import Any

from stargan_cli.errors import PictureError, StarganError, reason_of
from stargan_cli.translate.inputs.found import Found
from stargan_cli.translate.questions import Answer, with_array
from stargan_cli.translate.streaming.fork_server import ForkServers
from stargan_cli.translate.streaming.shared_arrays import unnamed_file
from stargan_cli.translate.streaming.worker import Assignment
from stargan_cli.translate.streaming.worker_handle import Gone, Said, WorkerHandle
from stargan_cli.translate.streaming.workers import (
    LOOK_SECONDS,
    PATIENCE_AT_THE_END,
    Asks,
    Dropped,
    Ends,
    Event,
    Fails,
)

FRESH_AHEAD = 2
"""How many pictures that have not asked a question yet a worker may have, so that a next one is always ready. Pictures
that wait for answers or for the disk do not count."""
PATIENCE, PATIENCE_A_MEGAPIXEL = 60.0, 3.0  # seconds that decoding may take
LONGEST_LOOK = 2.0
"""Of a longer time between two looks at the workers (seconds) only this counts: the whole run may have been paused."""
MOST_DEATHS = 4
"""Deaths of workers. A picture that waited in so many fails. The run ends after so many for each worker, and for one
more, of workers that were not working on a picture, if no picture ended meanwhile."""
LIMITS = "end other programs, or raise the limits on memory, processes and open files (ulimit -v, -u, -n)"
SUPPORTED = os.name == "posix" and hasattr(os, "O_ASYNC") and bool(sys.executable)


class WorkerProcesses:
    """Up to `number` processes, each started when there is work for it. See `workers.Workers`."""

    def __init__(
        self,
        assignment: Assignment,
        servers: ForkServers,
        number: int,
        clean_up: Callable[[Found], None],
        events: SimpleQueue[Any],
    ) -> None:
        """The caller closes `servers`. `clean_up` removes the unfinished outputs of a picture whose process died."""
        self.number, self.events = number, events
        self._assignment, self._turns, self._clean_up = assignment, unnamed_file(), clean_up
        self._servers = servers
        self._handles: list[WorkerHandle] = []
        self._items: dict[int, Found] = {}
        self._owners: dict[int, WorkerHandle] = {}
        self._waiting: deque[int] = deque()
        self._deaths, self._deaths_beside = 0, Counter[int]()
        self._looked, self._clock = time.monotonic(), 0.0
        self._ending, self._patient_until = False, inf
        self._failure: StarganError | None = None

    def begin(self, ticket: int, item: Found) -> None:
        self._items[ticket] = item
        self._waiting.append(ticket)

    def go_on(self, ticket: int, answer: Answer | Exception) -> None:
        owner = self._owners.get(ticket)
        if owner is None:  # the worker has died: the picture will ask again
            self._begin_again(ticket)
        else:
            owner.send_answer(ticket, answer)

    def drop(self) -> None:
        self._ending, self._patient_until = True, self._clock + PATIENCE_AT_THE_END
        for handle in self._handles:
            handle.drop()
        for ticket in self._waiting:
            self._drop(ticket)
        self._waiting.clear()

    def event(self) -> Any:
        """The next event; None if LOOK_SECONDS pass without one. Events of others are returned unchanged."""
        while True:
            self._hand_out()
            self._end_overdue()
            try:
                found = self.events.get(timeout=LOOK_SECONDS)
            except Empty:
                return None
            if isinstance(found, Gone):
                self._bury(found.handle)
            elif isinstance(found, Said):
                if (event := self._heard(found)) is not None:
                    return event
            else:
                return found

    def close(self, wait: bool) -> None:
        """See `workers.Workers`. With `wait`, raises the StarganError that ended a worker, if any."""
        self._ending = True
        try:
            if wait:
                self._wait_for_ends()
        finally:
            for handle in self._handles:
                handle.give_up()
            for handle in list(self._handles):
                self._bury(handle)
            os.close(self._turns)
        if wait and self._failure is not None:
            raise self._failure

    def _wait_for_ends(self) -> None:
        for handle in self._handles:
            handle.send_end()
        while self._handles:
            with suppress(Empty):
                found = self.events.get(timeout=LOOK_SECONDS)
                if isinstance(found, Gone):
                    self._forget(found.handle)
                elif isinstance(found, Said) and found.message[0] == "closed":
                    self._failure = self._failure or found.message[1]
            self._end_overdue()

    def _hand_out(self) -> None:
        while self._waiting and self._failure is None:
            free = [handle for handle in self._handles if len(handle.fresh) < FRESH_AHEAD]
            idle = [handle for handle in free if not handle.stepping]
            if not idle and len(self._handles) < self.number:
                idle = self._started()
            if not idle and not free:
                break
            ticket = self._waiting.popleft()
            owner = self._owners[ticket] = min(idle or free, key=lambda handle: len(handle.tickets))
            owner.send_item(ticket, self._items[ticket])
        if self._failure is not None:
            for ticket in self._waiting:
                self.events.put(Fails(ticket, self._failure))
            self._waiting.clear()

    def _started(self) -> list[WorkerHandle]:
        """A new worker; none if the system allows no more."""
        try:
            handle = WorkerHandle(self._assignment, self._servers.one(), self._turns, self.events)
        except (OSError, RuntimeError) as error:
            self._make_do()
            if not self._handles:
                self._failure = StarganError(f"no worker process can start: {reason_of(error)}", LIMITS)
            return []
        self._handles.append(handle)
        return [handle]

    def _make_do(self) -> None:
        """Start no more workers than run now."""
        self.number = max(1, len(self._handles))

    def _heard(self, said: Said) -> Event | None:
        kind, *values = said.message
        if kind == "ready":
            said.handle.ready = True
            return None
        if kind == "closed":
            self._failure = self._failure or values[0]
            return None
        ticket = values[0]
        if ticket not in said.handle.tickets:
            return None
        if kind == "asks":
            _, question, described = values
            return Asks(ticket, with_array(question, said.handle.taken(ticket, described)))
        self._end(ticket)
        if kind == "dropped":
            return Dropped(ticket)
        return Ends(ticket, values[1]) if kind == "ends" else Fails(ticket, values[1])

    def _end(self, ticket: int) -> None:
        owner = self._owners.pop(ticket)
        owner.forget(ticket)
        del self._items[ticket]
        self._deaths = 0

    def _bury(self, handle: WorkerHandle) -> None:
        """Fail or restart the pictures of a process that has ended by itself or was killed."""
        reason, at, was_killed = handle.last_words(), handle.at if handle.ready else -1, handle.was_killed
        self._forget(handle)
        self._deaths += at < 0 and not was_killed
        if not handle.ready:
            self._make_do()
        if self._deaths >= MOST_DEATHS * (self.number + 1):
            self._failure = self._failure or StarganError(f"worker processes end again and again: {reason}", LIMITS)
        for ticket in reversed(handle.tickets):
            del self._owners[ticket]
            if ticket not in handle.stepping:
                continue
            self._clean_up(self._items[ticket])
            self._deaths_beside[ticket] += handle.ready
            blamed = ticket == at or self._deaths_beside[ticket] >= MOST_DEATHS
            if blamed and not (self._ending and was_killed):
                del self._items[ticket]
                self.events.put(Fails(ticket, PictureError(reason)))
            else:
                self._begin_again(ticket)

    def _begin_again(self, ticket: int) -> None:
        if self._ending:
            self._drop(ticket)
        else:
            self._waiting.appendleft(ticket)

    def _drop(self, ticket: int) -> None:
        del self._items[ticket]
        self.events.put(Dropped(ticket))

    def _forget(self, handle: WorkerHandle) -> None:
        handle.close()
        self._handles.remove(handle)

    def _end_overdue(self) -> None:
        passed = time.monotonic() - self._looked
        if passed < LOOK_SECONDS:
            return
        self._looked += passed
        self._clock += min(passed, LONGEST_LOOK)
        for handle in self._handles:
            since, pixels = handle.decoding(self._clock)
            allowed = PATIENCE + PATIENCE_A_MEGAPIXEL * pixels / 1e6
            if self._clock - since > allowed:
                handle.kill(f"its decoding was stopped after {allowed:.0f} seconds")
            elif self._clock > self._patient_until and (handle.reads or since < self._clock):
                handle.give_up()
