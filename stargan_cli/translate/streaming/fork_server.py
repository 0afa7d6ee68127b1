"""The fork server, from which worker processes are forked, as the main process sees it.

A worker's imports take a third of a second of CPU time. The fork server, which has neither torch nor threads, does them
once. A worker that dies is replaced in a few milliseconds.

systemd and Slurm send a signal to all processes of a run. The main process alone acts on it: the fork server and its
workers, which end with it, have SIGINT, SIGTERM and SIGHUP blocked from their first moment on.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress

from stargan_cli.translate.streaming.fork_server_process import EXIT_CODE, KILL, REQUEST, START, WAIT

PROGRAM = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from stargan_cli.translate.streaming.fork_server_process import main; main(int(sys.argv[2]))"
)
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class ForkServer:
    """A fork server. It ends with this process, however that ends, and so do its workers (see `worker._end_with`)."""

    def __init__(self) -> None:
        self._requests, theirs = socket.socketpair()
        command = [sys.executable, "-c", PROGRAM, json.dumps(sys.path), str(theirs.fileno())]
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
        try:
            # a session of its own: keys in a terminal, such as Ctrl-Z, are for the main process alone
            self._process = subprocess.Popen(
                command,
                env=os.environ | ONE_THREAD,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                stdin=subprocess.DEVNULL,
            )
        finally:
            theirs.close()
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        self._started = 0

    @property
    def is_there(self) -> bool:
        return self._process.poll() is None

    def fork(self, handles: Sequence[int]) -> int:
        """Start a worker with these file descriptors; returns its number. If the server has ended, no worker starts."""
        with suppress(OSError):
            socket.send_fds(self._requests, [REQUEST.pack(START, 0)], handles)
        self._started += 1
        return self._started - 1

    def exit_code(self, worker: int) -> int | None:
        """Wait until a worker has ended; returns its exit code. Negative: the signal that ended it. None: unknown, as
        the server has ended. Call this once for each worker."""
        with suppress(OSError):
            self._requests.send(REQUEST.pack(WAIT, worker))
            if answer := self._requests.recv(EXIT_CODE.size):
                return int(EXIT_CODE.unpack(answer)[0])
        return None

    def kill(self, worker: int) -> None:
        """End a worker whose exit code was not asked for yet."""
        with suppress(OSError):
            self._requests.send(REQUEST.pack(KILL, worker))

    def end(self) -> None:
        """End the server at once: from a slow network share its imports take long."""
        self._process.kill()

    def close(self) -> int:
        """End the server, after its workers have ended; returns its exit code."""
        self._requests.close()
        return self._process.wait()


class ForkServers:
    """The fork server of a run, begun when it is first needed, and anew after it has ended."""

    def __init__(self) -> None:
        self._server: ForkServer | None = None

    def one(self) -> ForkServer:
        """Raises OSError if the system allows no process."""
        if self._server is not None and not self._server.is_there:
            self.close()
        self._server = self._server or ForkServer()
        return self._server

    def close(self) -> None:
        """End it, after its workers have ended."""
        if self._server is not None:
            self._server.close()
            self._server = None
