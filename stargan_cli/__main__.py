"""`python -m stargan_cli` and the command `stargan`."""

from __future__ import annotations

import atexit
import os
import signal
import sys
from contextlib import suppress
from types import FrameType


def main() -> None:
    _leave_on_ctrl_c()  # before the imports, which take the time in which people think better of it
    atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)  # the last of all: behind it Python hears nothing
    try:
        from stargan_cli.cli.messages import make_streams_lossless, open_closed_streams, say

        open_closed_streams()
        make_streams_lossless()
        try:
            os.getcwd()
        except OSError:
            say("error: the folder that you are in is gone")
            sys.exit(2)
        from stargan_cli.cli.app import app
        from stargan_cli.cli.signals import begin

        begin()
        app()
    except KeyboardInterrupt:  # outside of the command itself
        _leave(signal.SIGINT)
    finally:
        _leave_on_ctrl_c()  # there is nothing left to tidy


def _leave_on_ctrl_c() -> None:
    """Unless whoever started the process lets it ignore Ctrl-C."""
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        signal.signal(signal.SIGINT, _leave)


def _leave(number: int, frame: FrameType | None = None) -> None:
    with suppress(OSError):
        os.write(2, b"interrupted\n")
    os._exit(128 + number)


if __name__ == "__main__":
    main()
