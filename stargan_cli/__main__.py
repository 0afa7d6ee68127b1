"""`python -m stargan_cli` and the command `stargan`."""

from __future__ import annotations

import atexit
import os
import signal
import sys
from contextlib import suppress
from types import FrameType

BINDING = ("OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY")
UTF8_MODE = "PYTHONUTF8"


def main() -> None:
    _leave_on_ctrl_c()  # before the slow imports: people press Ctrl-C during them
    _read_names_as_utf8()
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


def _read_names_as_utf8() -> None:
    """Start the command anew in Python's UTF-8 mode where the locale has another encoding. Else arguments and the names
    of files would be other texts than in other locales, and some labels could name no folder.

    The new command takes this process's place, with the same arguments byte for byte.
    """
    if sys.getfilesystemencoding() != "utf-8" and os.environ.get(UTF8_MODE) != "1":  # once: -X utf8=0 prevails over it
        os.environ[UTF8_MODE] = "1"  # for child processes, too
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


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
