"""Ctrl-C and SIGTERM: what a command does when it is asked to stop."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from stargan_cli.cli.messages import say

INTERRUPTED, TERMINATED = 128 + signal.SIGINT, 128 + signal.SIGTERM
"""Exit codes, as the shell has them."""


class Terminated(KeyboardInterrupt):
    """SIGTERM, where it stops at once."""


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
    stop = Stop()

    def ask(number: int, frame: FrameType | None) -> None:
        if stop():
            _insist(number, frame)
        stop.number = number
        if message:
            say(message)

    with _handled((signal.SIGINT, signal.SIGTERM), ask):
        yield stop


@contextmanager
def terminable() -> Iterator[None]:
    """SIGTERM stops at once, but tidily: as Ctrl-C does. Not under torchrun, whose processes wait for each other where
    no signal is heard."""
    with _handled(() if "TORCHELASTIC_RUN_ID" in os.environ else (signal.SIGTERM,), _insist):
        yield


def ignore_termination() -> None:
    """For the last words of a process that ends anyway."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _insist(number: int, frame: FrameType | None) -> None:
    raise Terminated if number == signal.SIGTERM else KeyboardInterrupt


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
