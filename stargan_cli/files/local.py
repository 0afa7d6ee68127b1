"""Texts that name local files."""

from __future__ import annotations

from stargan_cli.errors import UsageError


def require_local(text: str) -> str:
    """The text itself. Raises UsageError if it is a URL: as a path, s3://bucket/run is a folder called `s3:`."""
    if "://" in text:
        raise UsageError(f"{text} is a URL, and only a local path can be given here", "a mounted store has one")
    return text
