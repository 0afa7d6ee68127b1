"""The process from which workers are forked, as the main process sees it.

A worker's imports take a third of a second of a core. So they are made once, in a process without torch and without
threads; and where one dies, another takes its place in some milliseconds.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress

from stargan_cli.translate.streaming.fork_server_process import EXIT_CODE, REQUEST, START, WAIT

PROGRAM = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from stargan_cli.translate.streaming.fork_server_process import main; main(int(sys.argv[2]))"
)
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class ForkServer:
    """Ends with this process, however that ends; and so do those that it forked (see `worker._end_with`)."""

    def __init__(self) -> None:
        self._requests, theirs = socket.socketpair()
        command = [sys.executable, "-c", PROGRAM, json.dumps(sys.path), str(theirs.fileno())]
        try:
            # a session of its own: Ctrl-C in a terminal is for the main process alone
            self._process = subprocess.Popen(
                command,
                env=os.environ | ONE_THREAD,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                stdin=subprocess.DEVNULL,
            )
        finally:
            theirs.close()
        self._started = 0

    @property
    def is_there(self) -> bool:
        return self._process.poll() is None

    def fork(self, handles: Sequence[int]) -> int:
        """Start a worker that has these handles: its number. Where that fails, nobody has them."""
        with suppress(OSError):
            socket.send_fds(self._requests, [REQUEST.pack(START, 0)], handles)
        self._started += 1
        return self._started - 1

    def exit_code(self, worker: int) -> int | None:
        """Of a worker that ends; waits for that. Negative: the signal that ended it. None where nobody knows, since the
        server has ended. To be asked once."""
        with suppress(OSError):
            self._requests.send(REQUEST.pack(WAIT, worker))
            if answer := self._requests.recv(EXIT_CODE.size):
                return int(EXIT_CODE.unpack(answer)[0])
        return None

    def close(self) -> int:
        """End it, once its workers have ended: its own exit code."""
        self._requests.close()
        return self._process.wait()
