"""Outputs that are there already: taken for done, made anew, or left alone."""

from __future__ import annotations

import json
import os
from hashlib import blake2b
from pathlib import Path, PurePath
from typing import Any, BinaryIO, Literal, NamedTuple

from stargan_cli.errors import PictureError, reason_of
from stargan_cli.files.blobs import Source, hash_of
from stargan_cli.translate.outputs.sinks import Sink

Existing = Literal["finish", "skip", "overwrite"]
"""finish: an output of the same picture, weights and settings is taken for done, one of others is replaced, and what
stargan did not write is left alone; skip: whatever is there is left alone; overwrite: nothing is."""

EXISTS, DONE_BEFORE = "exists", "done before"
FOREIGN = "what stands in its output's place does not say that stargan wrote it; --overwrite replaces it"
"""Why an output was skipped."""

PIXELS_VERSION = 6
"""To be raised with every change of the program that changes the pixels of its outputs."""


def settings_hash(settings: dict[str, Any]) -> str:
    """32 hex digits; the same for the same plain values."""
    text = json.dumps({"pixels": PIXELS_VERSION, **settings}, sort_keys=True)
    return blake2b(text.encode(), digest_size=16).hexdigest()


def mark_of(source: Source) -> str:
    """16 hex digits that tell sources apart; empty for what is no regular file. Raises PictureError."""
    if not isinstance(source, Path):
        return source.mark
    return picture_hash(source) if os.path.isfile(source) else ""


def picture_hash(source: Path | BinaryIO) -> str:
    """16 hex digits from a file's length and its first and last 32 KiB: enough to tell pictures apart, and cheap.

    Raises PictureError where it cannot be read.
    """
    if not isinstance(source, Path):
        return hash_of(source)
    try:
        with source.open("rb") as file:
            return hash_of(file)
    except OSError as error:
        raise PictureError(f"cannot be read: {reason_of(error)}") from error


class Standing(NamedTuple):
    """What stands in an output's place: whether anything does, and why the output need not or must not be made, None
    where it is to be made."""

    there: bool
    reason: str | None = None


def standing(sink: Sink, output: PurePath, source: Source, fingerprint: str, existing: Existing) -> Standing:
    """What stands in an output's place. Raises PictureError where that cannot be found out.

    With "finish", an output is done where it carries `fingerprint` and is not older than its source; and whatever may
    be somebody else's is left alone. Where an output is to take its source's place, the source's hash in the
    fingerprint says nothing, and the settings alone count.
    """
    if existing != "finish":
        there = sink.exists(output)
        return Standing(there, EXISTS if there and existing == "skip" else None)
    found = sink.fingerprint(output)
    return Standing(False) if found is None else Standing(True, _reason(sink, output, source, fingerprint, found))


def _reason(sink: Sink, output: PurePath, source: Source, fingerprint: str, found: str) -> str | None:
    if sink.is_source(output, source):
        return DONE_BEFORE if found.split("-")[0] == fingerprint.split("-")[0] else None
    if not found:
        return None if sink.holds_nothing_of_its_own(output, source) else FOREIGN
    return DONE_BEFORE if found == fingerprint and not sink.is_older(output, source) else None
