"""The process from which workers are forked: it imports what they need once, and has no threads."""

from __future__ import annotations

import gc
import os
import socket
import struct
import sys
import traceback

START, WAIT = 0, 1
REQUEST, EXIT_CODE = struct.Struct("<qq"), struct.Struct("<q")
HANDLES = 4
"""START with as many handles forks a worker. WAIT with a worker's number, counted from 0, is answered by its exit code
once it has ended."""


def main(requests: int) -> None:
    """Until the main process closes the other end of the socket with the handle `requests`."""
    if sys.platform != "darwin":  # Accelerate, which NumPy computes with there, does not survive a fork
        import stargan_cli.translate.streaming.worker  # noqa: F401
    gc.freeze()  # else the first collection in each worker would copy the memory of all objects
    server, started = socket.socket(fileno=requests), list[int]()
    while True:
        request, handles, _, _ = socket.recv_fds(server, REQUEST.size, HANDLES)
        if not request:
            return
        kind, number = REQUEST.unpack(request)
        if kind == START:
            started.append(_forked(server, handles))
        else:
            status = os.waitpid(started[number], 0)[1]
            server.send(EXIT_CODE.pack(os.waitstatus_to_exitcode(status)))


def _forked(server: socket.socket, handles: list[int]) -> int:
    """The number of a process that is a worker with these handles."""
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
