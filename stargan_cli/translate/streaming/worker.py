"""A worker process: it reads, finishes and writes its pictures, and asks the main process, which has the networks.
Importing this loads no torch."""

from __future__ import annotations

import os
import pickle
import select
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from stargan_cli.errors import OutputError, StarganError
from stargan_cli.pictures import reading
from stargan_cli.translate.framing import change_bytes
from stargan_cli.translate.inputs.found import Found
from stargan_cli.translate.outputs import together
from stargan_cli.translate.outputs.begun import Unsynced
from stargan_cli.translate.outputs.sinks import Sink, opened
from stargan_cli.translate.picture import PictureSteps, picture_steps
from stargan_cli.translate.plan import Plan
from stargan_cli.translate.questions import ChangeQuestion, Question, array_of, with_array
from stargan_cli.translate.settings import Location
from stargan_cli.translate.streaming.shared_arrays import ArrayReference, Room, Rooms, SharedArrays
from stargan_cli.translate.streaming.syncing import Syncer

MOST_UNSYNCED = 64  # outputs that a worker has written and not yet synced, before it begins to write others
MOST_TOGETHER = 128
"""For `together.most_together`: if the process dies before all outputs of a picture are synced, none has appeared, and
the picture begins again as if it were new. Threads, which write as many pictures at once, would need too many file
descriptors."""


@dataclass(frozen=True)
class Assignment:
    """What a worker needs before its first picture; `run_id` is the `atomic.RUN_ID` of the main process."""

    plan: Plan
    out: Location
    run_id: str


def main(messages: int, memory: int, lifeline: int, turns: int) -> None:
    """Work until the main process sends None. The arguments are file descriptors."""
    _end_with(lifeline)
    connection: Connection[Any, Any] = Connection(messages)
    assignment: Assignment = connection.recv()
    closing: StarganError | None = None
    try:
        if isinstance(assignment.out, Path) and not assignment.out.is_dir():
            raise OutputError(f"the output folder {assignment.out} is gone", "run it again to finish what is missing")
        with opened(assignment.out, run_id=assignment.run_id) as sink:
            connection.send(("ready",))
            _Worker(connection, memory, turns, assignment.plan, sink).run()
    except StarganError as error:
        closing = error
    connection.send(("closed", closing))


def _end_with(lifeline: int) -> None:
    """End this process at once when the main process ends, however that ends. When the other end of the
    pipe `lifeline` is closed, the system sends SIGIO, which kills even while a decoder holds the GIL."""
    import fcntl  # not on Windows

    signal.signal(signal.SIGIO, signal.SIG_DFL)
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([lifeline], [], [], 0)[0]:
        os._exit(1)


class _Worker:
    def __init__(self, connection: Connection[Any, Any], memory: int, turns: int, plan: Plan, sink: Sink) -> None:
        self._connection, self._plan, self._sink = connection, plan, sink
        self._arrays, self._rooms, self._turns = SharedArrays(memory), Rooms(memory), turns
        self._running: dict[int, tuple[PictureSteps, Room | None]] = {}
        self._ticket, self._syncer = -1, Syncer()
        reading.set_decoding_slot(self._decoding_slot)
        together.set_most_together(MOST_TOGETHER)

    def run(self) -> None:
        """Work until the main process has sent None, and all that was written is synced."""
        more = True
        while more or self._syncer.held:
            sources: list[Any] = [self._syncer]
            if more and self._syncer.held < MOST_UNSYNCED:
                sources.append(self._connection)
            if self._syncer in select.select(sources, [], [])[0]:
                for ticket in self._syncer.take():
                    self._go_on(ticket, None, None)
            elif (message := self._connection.recv()) is None:
                more = False
            else:
                self._go_on(*message)

    def _go_on(self, ticket: int, value: Any, array: ArrayReference | None) -> None:
        if isinstance(value, Found) and self._arrays.is_ending:
            self._send(("dropped", ticket))
            return
        self._ticket = ticket
        self._arrays.set_note(ticket)
        result = self._step(ticket, value, array)
        if not isinstance(result, Unsynced):
            self._send(result)
        self._arrays.set_note(-1)
        if isinstance(result, Unsynced):
            self._syncer.add(ticket, result)

    def _step(self, ticket: int, value: Any, array: ArrayReference | None) -> tuple[Any, ...] | Unsynced:
        """Take a picture's next step; returns the message to send, or the outputs to sync."""
        steps, room = self._running.pop(ticket, (None, None))
        try:
            if isinstance(value, Found):
                steps = picture_steps(value, self._plan, self._sink)
                question = next(steps)
            elif steps is None:
                raise ValueError("there is no such picture")
            elif isinstance(value, Exception):
                question = steps.throw(value)
            else:
                question = steps.send(value if array is None else with_array(value, self._arrays.array(array)))
        except StopIteration as end:
            return "ends", ticket, end.value
        except Exception as error:
            return "fails", ticket, error
        finally:
            if room is not None:
                self._rooms.give_back(room)
        if isinstance(question, Unsynced):
            self._running[ticket] = steps, None
            return question
        return self._asked(ticket, steps, question)

    def _asked(self, ticket: int, steps: PictureSteps, question: Question) -> tuple[Any, ...]:
        pixels, answer = array_of(question), 0
        if isinstance(question, ChangeQuestion):
            answer = len(question.variants) * len(question.squares) * change_bytes(self._plan.framing)
        room = self._rooms.take(max(pixels.nbytes, answer))
        self._running[ticket] = steps, room
        return "asks", ticket, with_array(question, None), self._arrays.put(room, pixels)

    def _send(self, message: tuple[Any, ...]) -> None:
        try:
            data = pickle.dumps(message)
        except Exception as error:  # an error of another library that cannot be pickled
            data = pickle.dumps(("fails", message[1], RuntimeError(f"{message[2]!r}: {error}")))
        self._connection.send_bytes(data)

    @contextmanager
    def _decoding_slot(self, pixels: int) -> Iterator[None]:
        """Only one worker at a time decodes a very large picture. The lock is released when its process ends."""
        import fcntl

        large = pixels > reading.LARGE_PIXELS
        if large:
            fcntl.lockf(self._turns, fcntl.LOCK_EX)
        self._arrays.set_note(self._ticket, time.monotonic(), pixels)
        try:
            yield
        finally:
            self._arrays.set_note(self._ticket)
            if large:
                fcntl.lockf(self._turns, fcntl.LOCK_UN)
