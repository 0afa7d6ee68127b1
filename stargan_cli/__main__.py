"""`python -m stargan_cli` and the command `stargan`."""

from __future__ import annotations

import atexit
import os
import signal
import sys
from contextlib import suppress
from types import FrameType

BINDING = ("OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY")


def main() -> None:
    _leave_on_ctrl_c()  # before the slow imports: people press Ctrl-C during them
    for name in BINDING:  # OpenMP would bind the thread that imports torch to one core, and with it all that it starts
        os.environ.pop(name, None)
    atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)  # registered first, so it runs last
    try:
        from stargan_cli.cli.messages import say
        from stargan_cli.cli.streams import prepare_streams

        prepare_streams()
        try:
            os.getcwd()
        except OSError:
            say("error: the folder that you are in is gone\n  cd to another folder")
            sys.exit(2)
        from stargan_cli.cli.app import app
        from stargan_cli.cli.signals import begin

        begin()
        app()
    except KeyboardInterrupt:  # outside of the command itself
        _leave(signal.SIGINT)
    except SystemExit as end:
        if isinstance(end.code, int) and end.code > 0:  # stdout is flushed; Python's own end would wait for all threads
            os._exit(end.code)
        raise
    finally:
        _leave_on_ctrl_c()  # there is nothing left to tidy


def _leave_on_ctrl_c() -> None:
    """Exit at once on Ctrl-C, unless the parent process set it to be ignored."""
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        signal.signal(signal.SIGINT, _leave)


def _leave(number: int, frame: FrameType | None = None) -> None:
    with suppress(OSError):
        os.write(2, b"interrupted\n")
    os._exit(128 + number)


if __name__ == "__main__":
    main()
