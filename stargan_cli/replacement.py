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


def temporary_name(path: Path) -> Path:
    """A hidden name in the same folder, of no more than LONGEST_NAME bytes."""
    ending = f".{RUN_MARK}.tmp"
    name = os.fsencode(path.name)
    if len(name) + len(ending) + 1 > LONGEST_NAME:
        return path.with_name(f".{hashlib.sha256(name).hexdigest()[:32]}{ending}")
    return path.with_name(f".{path.name}{ending}")


@contextmanager
def replacement(path: Path) -> Iterator[Path]:
    """A temporary name beside `path` to write to. It takes the place of `path` at the end of the block, and is removed
    where the block raises: then `path` is as it was."""
    temporary = temporary_name(path)
    try:
        temporary.unlink(missing_ok=True)
        yield temporary
        os.replace(temporary, path)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
