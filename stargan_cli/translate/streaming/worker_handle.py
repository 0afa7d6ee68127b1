"""Starts one worker process, exchanges messages with it, and ends it."""

from __future__ import annotations

import os
import pickle
import signal
import socket
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from queue import SimpleQueue
from threading import Thread
from typing import Any

from numpy.typing import NDArray

from stargan_cli.translate.inputs.found import Found
from stargan_cli.translate.questions import Answer, array_of, with_array
from stargan_cli.translate.streaming.fork_server import ForkServer
from stargan_cli.translate.streaming.shared_arrays import ArrayReference, SharedArrays, unnamed_file
from stargan_cli.translate.streaming.worker import Assignment


@dataclass(frozen=True)
class Said:
    """The event that a worker has sent a message."""

    handle: WorkerHandle
    message: tuple[Any, ...]


@dataclass(frozen=True)
class Gone:
    """The event that a worker will send no more messages."""

    handle: WorkerHandle


class WorkerHandle:
    """One worker process, as the main process sees it.

    `tickets`: its pictures, each with the shared array of its question. `stepping`: those with a step in progress or
    queued. `fresh`: those that have not asked a question yet.
    """

    def __init__(self, assignment: Assignment, server: ForkServer, turns: int, events: SimpleQueue[Any]) -> None:
        ours, theirs = socket.socketpair()
        self._memory = unnamed_file()
        read_end, self._lifeline = os.pipe()
        self._server = server
        self._number = server.fork((theirs.fileno(), self._memory, read_end, turns))
        theirs.close()
        os.close(read_end)
        self._connection: Connection[Any, Any] = Connection(ours.detach())
        self._arrays = SharedArrays(self._memory)
        self._arrays.set_note(-1)
        self.tickets: dict[int, ArrayReference | None] = {}
        self.stepping: set[int] = set()
        self.fresh: set[int] = set()
        self.ready = False
        self._killed: str | None = None
        self._is_over = False
        self._exit_code: int | None = None
        self._decoding = (0.0, 0.0)
        self._unsent: SimpleQueue[bytes | None] = SimpleQueue()
        self._send(assignment)
        self._listener = Thread(target=self._listen, args=(events,), name="listen to a worker", daemon=True)
        self._sender = Thread(target=self._send_all, name="send to a worker", daemon=True)
        try:
            self._sender.start()
            self._listener.start()
        except RuntimeError:  # the system gives no more threads
            self._unsent.put(None)
            self.kill()
            os.close(self._memory)
            raise

    @property
    def at(self) -> int:
        """The ticket of the picture that it is working on (-1: none)."""
        return self._arrays.note[0]

    @property
    def reads(self) -> bool:
        """Whether it is starting, or working on a picture that has not asked a question yet."""
        return not self.ready or self.at in self.fresh

    @property
    def was_killed(self) -> bool:
        return self._killed is not None

    def decoding(self, now: float) -> tuple[float, int]:
        """Since when it has been decoding (seconds, by the clock of `now`; at the earliest the first call that finds it
        doing so; `now` if it does not), and how many pixels."""
        _, began, pixels = self._arrays.note
        if began != self._decoding[0]:
            self._decoding = began, now
        return (self._decoding[1] if began else now), pixels

    def send_item(self, ticket: int, item: Found) -> None:
        self.tickets[ticket] = None
        self.stepping.add(ticket)
        self.fresh.add(ticket)
        self._send((ticket, item, None))

    def send_answer(self, ticket: int, answer: Answer | Exception) -> None:
        self.stepping.add(ticket)
        described, asked = None, self.tickets[ticket]
        if not isinstance(answer, Exception) and asked is not None:
            array = array_of(answer)
            described = self._arrays.put(asked.room, array)
            if described is not None:
                answer = with_array(answer, None)
        self._send((ticket, answer, described))

    def taken(self, ticket: int, described: ArrayReference) -> NDArray[Any]:
        """Note that a picture has asked a question; returns the question's array."""
        self.stepping.discard(ticket)
        self.fresh.discard(ticket)
        self.tickets[ticket] = described
        return self._arrays.array(described)

    def forget(self, ticket: int) -> None:
        """Note that a picture has ended."""
        self.stepping.discard(ticket)
        self.fresh.discard(ticket)
        self.tickets.pop(ticket, None)

    def drop(self) -> None:
        """Let the process begin no further picture."""
        self._arrays.set_ending()

    def send_end(self) -> None:
        self._send(None)

    def kill(self, reason: str | None = None) -> None:
        """End the process at once, also if it was stopped (by SIGSTOP) or its fork server has ended."""
        self._killed = self._killed or reason or "ended"
        if not self._is_over:
            self._server.kill(self._number)
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1

    def give_up(self) -> None:
        """`kill` at the end of a run. If the process is not there yet, since its fork server is still importing, the
        server is ended."""
        self.kill()
        if not self.ready:
            self._server.end()

    def last_words(self) -> str:
        """Why the process has ended. Waits for its end."""
        if self._killed:
            return self._killed
        code = self._ended()
        if code is None and not self.ready:
            code = self._server.close()
        how = "" if code is None else f" ({signal.Signals(-code).name if code < 0 else f'exit code {code}'})"
        advice = "; if memory is short, try fewer --workers" if code == -signal.SIGKILL else ""
        return f"the process that worked on it ended{how}{advice}"

    def close(self) -> None:
        """Free its resources, once it has ended or was asked to end."""
        self._unsent.put(None)
        self._listener.join()
        self._sender.join()
        self._ended()
        self.kill()
        self._connection.close()
        os.close(self._memory)

    def _ended(self) -> int | None:
        if not self._is_over:
            self._is_over = True  # before the wait, which Ctrl-C may interrupt: the code is asked for only once
            self._exit_code = self._server.exit_code(self._number)
        return self._exit_code

    def _send(self, message: Any) -> None:
        self._unsent.put(pickle.dumps(message))

    def _send_all(self) -> None:
        """Send until the process has ended, which the listener reports. This waits while the worker reads nothing."""
        with suppress(OSError):
            while (data := self._unsent.get()) is not None:
                self._connection.send_bytes(data)

    def _listen(self, events: SimpleQueue[Any]) -> None:
        try:
            while True:
                events.put(Said(self, self._connection.recv()))
        except (EOFError, OSError):
            events.put(Gone(self))
