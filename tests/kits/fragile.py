"""Worker processes whose decoder crashes or hangs, as Pillow's cannot be made to, depending on the picture's name."""

from __future__ import annotations

import errno
import os
import signal
import threading
from typing import Any

PROGRAM = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); import fragile; fragile.install(); "
    "from stargan_cli.translate.streaming.fork_server_process import main; main(int(sys.argv[2]))"
)
STILLBORN = "import sys; sys.exit(3)"


def install() -> None:
    """Patch the decoder and the sync. Must be called before any module imports `opened_frames` by name."""
    from stargan_cli.pictures import frames, reading

    opened_frames = frames.opened_frames

    def fragile(source: Any, *others: Any, **more: Any) -> Any:
        name = os.path.basename(str(source))
        with reading.watched(1_000_000):
            if name.startswith("kills"):
                os.kill(os.getpid(), signal.SIGSEGV)
            if name.startswith("hangs"):
                open(os.path.join(os.path.dirname(str(source)), "..", "hung"), "w").close()
                threading.Event().wait()
        return opened_frames(source, *others, **more)

    frames.opened_frames = fragile
    _install_syncs()


def _install_syncs() -> None:
    """`unsynced`: its output cannot be synced. `dies`: the first sync of its output kills the process. `drowns`: every
    sync of its output does."""
    from stargan_cli.translate.outputs import begun

    sync_handle = begun.sync_handle

    def fragile(handle: int) -> None:
        place = os.readlink(f"/proc/self/fd/{handle}")
        folder, name = os.path.split(place)
        if name.startswith(".unsynced"):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        if name.startswith(".drowns"):
            os.kill(os.getpid(), signal.SIGKILL)
        if name.startswith(".dies") and not os.path.exists(died := os.path.join(folder, "..", "died")):
            os.mkdir(died)
            os.kill(os.getpid(), signal.SIGKILL)
        sync_handle(handle)

    begun.sync_handle = fragile
