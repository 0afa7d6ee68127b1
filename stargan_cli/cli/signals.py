"""Ctrl-C and SIGTERM: what a command does when it is asked to stop."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from stargan_cli.cli.messages import say

INTERRUPTED, TERMINATED = 128 + signal.SIGINT, 128 + signal.SIGTERM
"""Exit codes, as the shell has them."""


class Terminated(KeyboardInterrupt):
    """SIGTERM, where it stops at once."""


class _Insist:
    """A handler that stops at once, but tidily: it raises. Signals that follow within SAME_WISH_S are the same wish and
    do not disturb the tidying; a later one ends the process as it is."""

    def __init__(self) -> None:
        self._since: float | None = None

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self._since is None:
            self._since = time.monotonic()
            raise Terminated if number == signal.SIGTERM else KeyboardInterrupt
        if time.monotonic() - self._since > SAME_WISH_S:
            os._exit(128 + number)


SAME_WISH_S = 1.0
_of_process: _Insist | None = None
"""That of a process that is nothing but this command (see `begin`)."""


def begin() -> None:
    """For a process that is nothing but this command, from when there may be something to tidy."""
    global _of_process
    _of_process = _Insist()
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        signal.signal(signal.SIGINT, _of_process)


class Stop:
    """Says whether a signal asked for a stop, and with which code the command then ends."""

    def __init__(self) -> None:
        self.number: int | None = None

    def __call__(self) -> bool:
        return self.number is not None

    @property
    def exit_code(self) -> int:
        return TERMINATED if self.number == signal.SIGTERM else INTERRUPTED


@contextmanager
def interruptible(message: str) -> Iterator[Stop]:
    """Ctrl-C and SIGTERM ask for a clean stop, and `message`, if any, is said; a second one stops at once."""
    stop, insist = Stop(), _of_process or _Insist()

    def ask(number: int, frame: FrameType | None) -> None:
        if stop():
            insist(number, frame)
            return
        stop.number = number
        if message:
            say(message)

    with _handled((signal.SIGINT, signal.SIGTERM), ask):
        yield stop


@contextmanager
def terminable() -> Iterator[None]:
    """SIGTERM stops at once, but tidily: as Ctrl-C does. Not under torchrun, whose processes wait for each other where
    no signal is heard."""
    numbers = () if "TORCHELASTIC_RUN_ID" in os.environ else (signal.SIGTERM,)
    with _handled(numbers, _of_process or _Insist()):
        yield


def ignore_termination() -> None:
    """For the last words of a process that ends anyway."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


@contextmanager
def _handled(numbers: tuple[int, ...], handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """What whoever started the process lets it ignore (`nohup`, a shell's background job) stays ignored. Python hears
    signals in its main thread alone."""
    if threading.current_thread() is not threading.main_thread():
        numbers = ()
    heard = [number for number in numbers if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, handler) for number in heard}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
