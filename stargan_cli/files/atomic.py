"""Files that are there whole or not at all."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LONGEST_NAME = 255
RUN_MARK = str(secrets.randbits(60))
"""In the names of unfinished files: whose they are, where processes of several machines write into one folder."""


def adopt_mark(mark: str) -> None:
    """For processes that work for a run: what they leave unfinished is that run's."""
    global RUN_MARK
    RUN_MARK = mark


def temporary_name(name: str) -> str:
    """A hidden name for the same folder, of no more than LONGEST_NAME bytes."""
    ending = f".{RUN_MARK}.tmp"
    encoded = os.fsencode(name)
    if len(encoded) + len(ending) + 1 > LONGEST_NAME:
        name = hashlib.sha256(encoded).hexdigest()[:32]
    return f".{name}{ending}"


@contextmanager
def replacement(path: Path) -> Iterator[Path]:
    """A temporary name beside `path` to write to. It takes the place of `path` at the end of the block, and is removed
    where the block raises: then `path` is as it was."""
    temporary = path.with_name(temporary_name(path.name))
    try:
        temporary.unlink(missing_ok=True)
        yield temporary
        os.replace(temporary, path)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
