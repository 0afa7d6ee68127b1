"""The fork server's process: it imports what workers need once, has no threads, and forks the workers."""

from __future__ import annotations

import gc
import os
import signal
import socket
import struct
import sys
import traceback

START, WAIT, KILL = 0, 1, 2
REQUEST, EXIT_CODE = struct.Struct("<qq"), struct.Struct("<q")
HANDLES = 4
"""START, sent with HANDLES file descriptors, forks a worker. WAIT, sent with a worker's number (from 0), is answered by
its exit code once it has ended. KILL ends the worker with a number."""


def main(requests: int) -> None:
    """Serve the socket with the file descriptor `requests` until the main process closes its other end."""
    if sys.platform != "darwin":  # Accelerate, which NumPy computes with there, does not survive a fork
        import stargan_cli.translate.streaming.worker  # noqa: F401
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # ignored, as some daemons leave it, it would hide exit codes
    gc.freeze()  # else the first garbage collection in each worker would copy the memory of all objects
    started = list[int]()
    with socket.socket(fileno=requests) as server:
        while True:
            request, handles, _, _ = socket.recv_fds(server, REQUEST.size, HANDLES)
            if not request:
                return
            kind, number = REQUEST.unpack(request)
            if kind == START:
                try:
                    started.append(_forked(server, handles))
                except OSError:  # no more processes: the main process sees this one's end
                    return
            elif kind == KILL:
                os.kill(started[number], signal.SIGKILL)
            else:
                status = os.waitpid(started[number], 0)[1]
                server.send(EXIT_CODE.pack(os.waitstatus_to_exitcode(status)))


def _forked(server: socket.socket, handles: list[int]) -> int:
    """Fork a worker with these file descriptors; returns its process id."""
    process = os.fork()
    if process == 0:
        code = 1
        try:
            server.close()
            from stargan_cli.translate.streaming.worker import main as work

            work(*handles)
            code = 0
        except (EOFError, ConnectionError):  # the main process has ended
            pass
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    for handle in handles:
        os.close(handle)
    return process
