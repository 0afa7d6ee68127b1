"""Ctrl-C, SIGTERM and SIGHUP (the terminal was closed): how a command stops."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType

from stargan_cli.cli.messages import say
from stargan_cli.files.scratch import remove_scratch_folders

INTERRUPTED = 128 + signal.SIGINT
"""The exit code after Ctrl-C. Exit codes follow the shell's convention: 128 + signal number."""

TERMINATING = tuple(signal.Signals[name] for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Windows has no SIGHUP."""


class Terminated(KeyboardInterrupt):
    """Raised by a signal of TERMINATING to stop at once."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.exit_code = 128 + number


class _Insist:
    """A signal handler that stops at once by raising an exception, so that `finally` blocks run.

    Further signals within SAME_REQUEST_S (s) count as the same request and do not disturb the clean-up. A later one
    ends the process immediately, without clean-up. So does a first one during an import, where an exception would pass
    through native code, which aborts: only scratch folders are removed.
    """

    def __init__(self) -> None:
        self.since: float | None = None

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.since is None and _imports(frame):
            with suppress(OSError):
                os.write(2, b"interrupted\n")
            remove_scratch_folders()
            os._exit(128 + number)
        if self.since is None:
            self.since = time.monotonic()
            raise Terminated(number) if number in TERMINATING else KeyboardInterrupt
        if time.monotonic() - self.since > SAME_REQUEST_S:
            os._exit(128 + number)


def _imports(frame: FrameType | None) -> bool:
    """Whether a stack of frames is importing a module."""
    while frame is not None and frame.f_code.co_filename != "<frozen importlib._bootstrap>":
        frame = frame.f_back
    return frame is not None


def stopped_at_once() -> bool:
    """Whether a signal stopped the command of this process at once, by an exception."""
    return _of_process is not None and _of_process.since is not None


SAME_REQUEST_S = 1.0
_of_process: _Insist | None = None
"""The handler that `begin` installed: the process then runs nothing but this command."""


def begin() -> None:
    """Install the Ctrl-C handler of a process that runs nothing but this command: from here on, Ctrl-C cleans up."""
    global _of_process
    _of_process = _Insist()
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        signal.signal(signal.SIGINT, _of_process)


class Stop:
    """Whether a signal asked for a stop, and the exit code of the command in that case."""

    def __init__(self) -> None:
        self.number: int | None = None

    def __call__(self) -> bool:
        return self.number is not None

    @property
    def exit_code(self) -> int:
        return INTERRUPTED if self.number is None else 128 + self.number


@contextmanager
def interruptible(message: str) -> Iterator[Stop]:
    """While it is open, the first signal asks for a clean stop and prints `message`, if any. A second stops at once. If
    it is no Ctrl-C, it counts as the same request within SAME_REQUEST_S (s): torchrun and systemd both send one."""
    stop, insist, since = Stop(), _of_process or _Insist(), 0.0

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal since
        if stop():
            if number == signal.SIGINT or time.monotonic() - since > SAME_REQUEST_S:
                insist(number, frame)
            return
        stop.number, since = number, time.monotonic()
        if message:
            say(message)

    with _handled((signal.SIGINT, *TERMINATING), ask):
        yield stop


@contextmanager
def terminable() -> Iterator[None]:
    """While it is open, SIGTERM and SIGHUP stop at once but clean up, as Ctrl-C does.

    Under torchrun they keep their default: processes that wait for each other do not run Python's signal handlers.
    """
    numbers = () if "TORCHELASTIC_RUN_ID" in os.environ else TERMINATING
    with _handled(numbers, _of_process or _Insist()):
        yield


def ignore_termination() -> None:
    """Ignore SIGTERM while a process that ends anyway prints its last message."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


@contextmanager
def _handled(numbers: Sequence[int], handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Handle signals with `handler` while it is open, in the main thread only: Python allows no other.

    Signals that the process was started to ignore (`nohup`, a shell's background job) stay ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        numbers = ()
    heard = [number for number in numbers if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, handler) for number in heard}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
