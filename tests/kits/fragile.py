"""Worker processes whose decoder fails as none of Pillow's can be made to: by the names of the pictures."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); import fragile; fragile.install(); "
    "from stargan_cli.translate.streaming.worker import main; main(*map(int, sys.argv[2:]))"
)
STILLBORN = "import sys; sys.exit(3)"


def install() -> None:
    """Before anything imports `opened_frames` by its name."""
    from stargan_cli.pictures import frames, reading

    opened_frames = frames.opened_frames

    def fragile(source: Any, *others: Any, **more: Any) -> Any:
        name = os.path.basename(str(source))
        with reading.watched(1_000_000):
            if name.startswith("kills"):
                os.kill(os.getpid(), signal.SIGSEGV)
            if name.startswith("hangs"):
                threading.Event().wait()
        return opened_frames(source, *others, **more)

    frames.opened_frames = fragile
