"""Worker processes whose disk and decoder crash or hang, depending on the picture's name. One that hangs makes the file
`hung` beside the input folder."""

from __future__ import annotations

import errno
import os
import signal
import threading
import time
from typing import Any

PROGRAM = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); import fragile; fragile.install(); "
    "from stargan_cli.translate.streaming.fork_server_process import main; main(int(sys.argv[2]))"
)
STILLBORN = "import sys; sys.exit(3)"


def install() -> None:
    """Patch the decoder and the sync. Must be called before any module imports `opened_frames` by name.

    `stalls`: the picture cannot be opened. `stops`: its process is stopped meanwhile. `delays`: opening it takes a
    second, and its name is added to the file `begun` before. `hangs`: it is decoded for ever. `kills`: that crashes.
    """
    from stargan_cli.pictures import frames, reading

    opened_frames = frames.opened_frames

    def fragile(source: Any, *others: Any, **more: Any) -> Any:
        folder, name = os.path.split(str(source))
        if name.startswith("stalls"):
            _hang(folder)
        if name.startswith("delays"):
            with open(os.path.join(folder, "..", "begun"), "a") as begun:
                print(name, file=begun)
            time.sleep(1)
        if name.startswith("stops"):
            _note_hung(folder)
            os.kill(os.getpid(), signal.SIGSTOP)
        with reading.decoding_slot(1_000_000):
            if name.startswith("kills"):
                os.kill(os.getpid(), signal.SIGSEGV)
            if name.startswith("hangs"):
                _hang(folder)
        return opened_frames(source, *others, **more)

    frames.opened_frames = fragile
    _install_syncs()


def _hang(folder: str) -> None:
    _note_hung(folder)
    threading.Event().wait()


def _note_hung(folder: str) -> None:
    open(os.path.join(folder, "..", "hung"), "w").close()


def _install_syncs() -> None:
    """`unsynced`: its output cannot be synced. `dies`: the first sync of its output kills the process. `drowns`: every
    sync of its output does. `lingers`: no sync of its output ends."""
    from stargan_cli.translate.outputs import begun

    sync_handle = begun.sync_handle

    def fragile(handle: int) -> None:
        place = os.readlink(f"/proc/self/fd/{handle}")
        folder, name = os.path.split(place)
        if name.startswith(".unsynced"):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        if name.startswith(".lingers"):
            _hang(folder)
        if name.startswith(".drowns"):
            os.kill(os.getpid(), signal.SIGKILL)
        if name.startswith(".dies") and not os.path.exists(died := os.path.join(folder, "..", "died")):
            os.mkdir(died)
            os.kill(os.getpid(), signal.SIGKILL)
        sync_handle(handle)

    begun.sync_handle = fragile
