"""Outputs that are there already: taken for done, made anew, or left alone."""

from __future__ import annotations

import json
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO, Literal

from stargan_cli.data.provenance import read_fingerprint
from stargan_cli.errors import PictureError

Existing = Literal["finish", "skip", "overwrite"]
"""finish: only an output of the same picture, weights and settings is taken for done; skip: any; overwrite: none."""

EXISTS, DONE_BEFORE = "exists", "done before"
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
    """Why an output need not be made; None where it must be.

    With "finish", an output is done where it carries `fingerprint` and is not older than its source. Where it is to
    take its source's place, the source's hash in the fingerprint says nothing, and the settings alone count.
    """
    if existing == "overwrite" or not output.exists():
        return None
    if existing == "skip":
        return EXISTS
    found = read_fingerprint(output) or ""
    if output == source:
        same = found.split("-")[0] == fingerprint.split("-")[0]
    else:
        same = found == fingerprint and output.stat().st_mtime_ns >= source.stat().st_mtime_ns
    return DONE_BEFORE if same else None
