"""Watch folders: find files that arrive, once they are complete, until the run is stopped."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path, PurePath

from stargan_cli.progress import Say
from stargan_cli.translate.inputs.found import Found

POLL_SECONDS = 1.0
WHOLE_SECONDS = 2.0
"""A file whose size and time have not changed for so long is taken to be complete."""

Signature = tuple[int, int, PurePath | None]
"""Size and time of a file, and its output's path, which may change when another file arrives."""


def arriving(
    listing: Callable[[], Iterable[Found]],
    stop: Callable[[], bool],
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[list[Found]]:
    """Yield the files that are new or changed since the last poll, until `stop`. Inputs are local.

    A picture that failed is yielded again when its file changes, and any file that was away in between.
    """
    given: dict[str, Signature] = {}
    waiting: dict[str, tuple[Signature, float]] = {}
    while not stop():
        listed = list(listing())
        names = {str(found.source) for found in listed}
        for states in (given, waiting):
            for name in states.keys() - names:
                del states[name]
        fresh = [found for found in listed if _is_whole(found, given, waiting, now())]
        if fresh:
            yield fresh
        end = now() + POLL_SECONDS
        while now() < end and not stop():
            sleep(0.1)


def missing_inputs_noted(
    listing: Callable[[], Iterable[Found]], inputs: Sequence[Path], note: Say
) -> Callable[[], Iterable[Found]]:
    """The listing, which calls `note` once for each input that is gone: a share that was disconnected, say."""
    gone: set[Path] = set()

    def listed() -> Iterable[Found]:
        now = {path for path in inputs if not os.path.lexists(path)}
        for path in sorted(now - gone):
            note(f"{path} is gone: waiting until it is back")
        gone.clear()
        gone.update(now)
        return listing()

    return listed


def _is_whole(
    found: Found, given: dict[str, Signature], waiting: dict[str, tuple[Signature, float]], now: float
) -> bool:
    """Whether to yield it now: this state of the file was not yielded yet, and the file no longer changes."""
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
    """None if the file is gone."""
    try:
        state = os.lstat(str(found.source)) if found.problem else os.stat(str(found.source))
    except OSError:
        return None
    return state.st_size, state.st_mtime_ns, found.output
