"""Outputs that are there already: taken for done, made anew, or left alone."""

from __future__ import annotations

import json
import os
from filecmp import cmp
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO, Literal

from stargan_cli.data.provenance import read_fingerprint
from stargan_cli.errors import PictureError

Existing = Literal["finish", "skip", "overwrite"]
"""finish: an output of the same picture, weights and settings is taken for done, one of others is replaced, and what
stargan did not write is left alone; skip: whatever is there is left alone; overwrite: nothing is."""

EXISTS, DONE_BEFORE = "exists", "done before"
FOREIGN = "what stands in its output's place does not say that stargan wrote it; --overwrite replaces it"
"""Why an output was skipped."""

PIXELS_VERSION = 1
"""To be raised with every change of the program that changes the pixels of its outputs."""

_END_BYTES = 32 * 1024


def settings_hash(settings: dict[str, Any]) -> str:
    """32 hex digits; the same for the same plain values."""
    text = json.dumps({"pixels": PIXELS_VERSION, **settings}, sort_keys=True)
    return blake2b(text.encode(), digest_size=16).hexdigest()


def picture_hash(source: Path | BinaryIO) -> str:
    """16 hex digits from a file's length and its first and last 32 KiB: enough to tell pictures apart, and cheap.

    Raises PictureError where it cannot be read.
    """
    if not isinstance(source, Path):
        return _hash_ends(source)
    try:
        with source.open("rb") as file:
            return _hash_ends(file)
    except OSError as error:
        raise PictureError(f"cannot be read: {error.strerror or error}") from error


def _hash_ends(file: BinaryIO) -> str:
    size = file.seek(0, 2)
    digest = blake2b(str(size).encode(), digest_size=8)
    file.seek(0)
    digest.update(file.read(_END_BYTES))
    file.seek(max(file.tell(), size - _END_BYTES))
    digest.update(file.read())
    file.seek(0)
    return digest.hexdigest()


def reason_to_skip(output: Path, source: Path, fingerprint: str, existing: Existing) -> str | None:
    """Why an output need not or must not be made; None where it is to be made.

    With "finish", an output is done where it carries `fingerprint` and is not older than its source; and whatever may
    be somebody else's is left alone. Where an output is to take its source's place, the source's hash in the
    fingerprint says nothing, and the settings alone count.
    """
    if existing == "overwrite" or not os.path.lexists(output):
        return None
    if existing == "skip":
        return EXISTS
    found = read_fingerprint(output)
    if output == source:
        return DONE_BEFORE if (found or "").split("-")[0] == fingerprint.split("-")[0] else None
    if found is None:
        return None if _holds_nothing_of_its_own(output, source) else FOREIGN
    same = found == fingerprint and output.stat().st_mtime_ns >= source.stat().st_mtime_ns
    return DONE_BEFORE if same else None


def _holds_nothing_of_its_own(output: Path, source: Path) -> bool:
    """A file that is empty, or that is a copy of the source: nothing is lost with it."""
    try:
        if output.is_symlink() or not output.is_file():
            return False
        size = output.stat().st_size
        return size == 0 or (size == source.stat().st_size and cmp(output, source, shallow=False))
    except OSError:
        return False
