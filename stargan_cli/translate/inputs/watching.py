"""A folder that fills up: what arrives is found once it is whole, until somebody stops."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePath

from stargan_cli.translate.inputs.found import Found

POLL_SECONDS = 1.0
WHOLE_SECONDS = 2.0
"""A file that has kept its size and its time for so long is taken for whole."""

Signature = tuple[int, int, PurePath | None]
"""Size and time of a file, and its output's place: which another file's arrival may move."""


def arriving(
    listing: Callable[[], Iterable[Found]],
    stop: Callable[[], bool],
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[list[Found]]:
    """What is new or changed since the last look, look by look, until `stop`. Inputs are local.

    A picture that fails is found again when its file changes.
    """
    given: dict[str, Signature] = {}
    waiting: dict[str, tuple[Signature, float]] = {}
    while not stop():
        fresh = [found for found in listing() if _is_whole(found, given, waiting, now())]
        if fresh:
            yield fresh
        end = now() + POLL_SECONDS
        while now() < end and not stop():
            sleep(0.1)


def _is_whole(
    found: Found, given: dict[str, Signature], waiting: dict[str, tuple[Signature, float]], now: float
) -> bool:
    """Whether to give it now: it was not given as it is, and its file no longer grows."""
    name, signature = str(found.source), _signature(found)
    if signature is None or given.get(name) == signature:
        return False
    before, since = waiting.get(name, (None, now))
    if before != signature:
        waiting[name] = (signature, now)
        return False
    if now - since < WHOLE_SECONDS:
        return False
    del waiting[name]
    given[name] = signature
    return True


def _signature(found: Found) -> Signature | None:
    """None where the file is gone again."""
    try:
        state = os.lstat(str(found.source)) if found.problem else os.stat(str(found.source))
    except OSError:
        return None
    return state.st_size, state.st_mtime_ns, found.output
