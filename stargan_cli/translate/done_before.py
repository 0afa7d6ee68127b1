"""Outputs that already exist: skipped as done, replaced, or kept."""

from __future__ import annotations

import json
import os
from hashlib import blake2b
from pathlib import Path, PurePath
from typing import Any, Literal, NamedTuple

from stargan_cli.errors import PictureError, reason_of
from stargan_cli.files.blobs import Source, hash_of
from stargan_cli.translate.outputs.sinks import Sink
from stargan_cli.translate.report import DONE_BEFORE, EXISTS, FOREIGN

Existing = Literal["finish", "skip", "overwrite"]
"""finish: an output of the same picture, weights and settings is skipped as done, any other output of stargan is
replaced, and a file that stargan did not write is kept. skip: every file is kept. overwrite: every file is replaced."""

PIXELS_VERSION = 10
"""Raise this with every change of the program that changes the pixels of outputs: older outputs are then made again."""
IN_PLACE_VERSION = 7
"""Used instead of PIXELS_VERSION for outputs that replaced their sources (`--in-place`). Never raise it: their sources
are gone, so making them again would translate a translation."""


def settings_hash(settings: dict[str, Any], in_place: bool = False) -> str:
    """A hash of plain values and PIXELS_VERSION or IN_PLACE_VERSION (32 hex digits)."""
    version = IN_PLACE_VERSION if in_place else PIXELS_VERSION
    text = json.dumps({"pixels": version, **settings}, sort_keys=True)
    return blake2b(text.encode(), digest_size=16).hexdigest()


def mark_of(source: Source) -> str:
    """A hash that tells sources apart (16 hex digits), empty if a path is no regular file.

    Of a file it hashes the length and the first and last 32 KiB: enough to tell pictures apart, and cheap. An object in
    a store brings its own mark. Raises PictureError if the file cannot be read.
    """
    if not isinstance(source, Path):
        return source.mark
    if not os.path.isfile(source):
        return ""
    try:
        with source.open("rb") as file:
            return hash_of(file)
    except OSError as error:
        raise PictureError(f"cannot be read: {reason_of(error)}") from error


class OutputState(NamedTuple):
    """What is found at an output's path: whether a file is `there`, and the `reason` to skip the output (None: make
    it)."""

    there: bool
    reason: str | None = None


def state_of(sink: Sink, output: PurePath, source: Source, fingerprint: str, existing: Existing) -> OutputState:
    """What is found at an output's path. Raises PictureError if that cannot be read or is a folder.

    With "finish", an output is done if it carries `fingerprint` and is not older than its source. A file without a
    fingerprint is kept, unless it is empty or a copy of the source. An output that replaces its source changes the
    source's hash, so only the hash of the settings is compared then.
    """
    if existing != "finish":
        there = sink.exists(output)
        return OutputState(there, EXISTS if there and existing == "skip" else None)
    found = sink.fingerprint(output)
    return OutputState(False) if found is None else OutputState(True, _reason(sink, output, source, fingerprint, found))


def _reason(sink: Sink, output: PurePath, source: Source, fingerprint: str, found: str) -> str | None:
    if sink.is_source(output, source):
        return DONE_BEFORE if found.split("-")[0] == fingerprint.split("-")[0] else None
    if not found:
        return None if sink.holds_nothing_of_its_own(output, source) else FOREIGN
    return DONE_BEFORE if found == fingerprint and not sink.is_older(output, source) else None
