"""How web servers are asked: with the address as it was given, and again if they are busy."""

from __future__ import annotations

import asyncio
import importlib
import re
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from typing import Any, BinaryIO

SILENCE = 30.0  # seconds
BUSY = (429, 502, 503, 504)
"""Statuses of a server that may answer later."""
WAITS = (1, 2, 4)
"""Seconds before a busy server is asked again, if it names no time itself."""
LONGEST_WAIT = 30
"""A server that asks for a longer wait (seconds) is not asked again."""
_ENCODED = re.compile(r"(?:[\w.~:/?#\[\]@!$&'()*+,;=-]|%[0-9a-f]{2})*", re.ASCII | re.IGNORECASE)


def options(url: str) -> dict[str, Any]:
    """Options of fsspec's file system for an address. There is a limit on a server's silence, in place of aiohttp's on
    the whole answer, which large files break. An address that is encoded is sent letter by letter: a signature may be
    of these."""
    timeout = importlib.import_module("aiohttp").ClientTimeout(total=None, sock_connect=SILENCE, sock_read=SILENCE)
    return {
        "client_kwargs": {"timeout": timeout, "middlewares": (_patient,)},
        "encoded": _ENCODED.fullmatch(url) is not None,
    }


AT_ONCE = {"middlewares": ()}
"""Options of a request that is not sent again."""


def is_busy(error: Exception) -> bool:
    return getattr(error, "status", None) in BUSY


def copied(stream: BinaryIO) -> BinaryIO:
    """A temporary file with all of a stream, which is closed."""
    file = tempfile.TemporaryFile(prefix="stargan-")  # noqa: SIM115  # its reader closes it
    with stream:
        shutil.copyfileobj(stream, file)
    file.seek(0)
    return file


async def _patient(request: Any, send: Callable[[Any], Awaitable[Any]]) -> Any:
    """The answer to a request. A busy server is asked again after the time in its Retry-After, or after WAITS."""
    for wait in WAITS:
        answer = await send(request)
        named = answer.headers.get("Retry-After", "")
        wait = int(named) if re.fullmatch("[0-9]{1,9}", named) else wait
        if answer.status not in BUSY or wait > LONGEST_WAIT:
            return answer
        answer.release()
        await asyncio.sleep(wait)
    return await send(request)
