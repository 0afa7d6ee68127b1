"""Parse inputs and outputs as users write them: paths, URLs, and brace ranges of either."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from urllib.parse import unquote

from stargan_cli.errors import UsageError
from stargan_cli.translate.inputs.remote import RemotePath

MOST_NUMBERS = 1_000_000
_BRACES = re.compile(r"\{([^{}]*)\}")
_CHAIN = re.compile(r"^[^/]*::|::[a-z0-9+.-]+://", re.IGNORECASE)
"""Such as simplecache::s3://bucket/folder and zip://folder::s3://bucket/a.zip."""
_RANGE = re.compile(r"([0-9]+)\.\.([0-9]+)")


def parse_address(text: str) -> Path | RemotePath:
    """The path or URL (such as s3://bucket/folder) that `text` names; file:///folder becomes a path. Raises UsageError
    for an empty text or a bare s3://, which a shell makes of an unset variable, for a relative path after file://, and
    for a chain of URLs.
    """
    if not text:
        raise UsageError("an input is empty", "is a variable not set? The current folder is .")
    if "://" not in text:
        return Path(text)
    if _CHAIN.search(text):
        raise UsageError(f"{text} is a chain of URLs", "give the store's own URL; archives must be .tar")
    protocol, _, rest = text.partition("://")
    protocol = protocol.lower()
    if protocol in ("file", "local"):
        return _of_file(text, unquote(rest.removeprefix("localhost")))
    if not rest.strip("/") and protocol != "memory":
        raise UsageError(f"{text} names nothing behind {protocol}://", "is a variable not set?")
    return RemotePath(f"{protocol}://{rest.rstrip('/')}")


def _of_file(text: str, path: str) -> Path:
    if not path.startswith("/"):
        raise UsageError(f"{text} is no address of a file", "it begins with three slashes: file:///folder")
    return Path(path)


def parse_addresses(texts: Iterable[str]) -> list[Path | RemotePath]:
    """`parse_address` of each text. Braces are expanded unless a file of that very name exists. Raises UsageError."""
    parts = (part for text in texts for part in ([text] if os.path.lexists(text) else expanded(text)))
    addresses = [parse_address(part) for part in islice(parts, MOST_NUMBERS + 1)]
    if len(addresses) > MOST_NUMBERS:
        raise UsageError(f"more than {MOST_NUMBERS:,} inputs", "give a folder that holds them")
    return addresses


def expanded(text: str) -> Iterator[str]:
    """Expand `{0000..0099}` to numbers with as many digits, and `{a,b}` to words, as a shell and WebDataset do."""
    found = next((found for found in _BRACES.finditer(text) if _words(found[1]) is not None), None)
    if found is None:
        yield text
        return
    for word in _words(found[1]) or ():
        for rest in expanded(text[found.end() :]):
            yield f"{text[: found.start()]}{word}{rest}"


def _words(text: str) -> list[str] | None:
    numbers = _RANGE.fullmatch(text)
    if numbers is None:
        return text.split(",") if "," in text else None
    first, last = int(numbers[1]), int(numbers[2])
    if last < first or last - first >= MOST_NUMBERS:
        raise UsageError(
            f"{{{text}}} is not a range of at most {MOST_NUMBERS:,} numbers",
            "write the lower number first: {0000..0099}",
        )
    digits = len(numbers[1]) if numbers[1].startswith("0") else 0
    return [str(number).zfill(digits) for number in range(first, last + 1)]
