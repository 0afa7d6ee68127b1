"""What people write for inputs and outputs: paths, URLs, and numbered rows of either."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from stargan_cli.errors import UsageError
from stargan_cli.translate.inputs.remote import RemotePath

MOST_NUMBERS = 1_000_000
_BRACES = re.compile(r"\{([^{}]*)\}")
_RANGE = re.compile(r"([0-9]+)\.\.([0-9]+)")


def place_of_text(text: str) -> Path | RemotePath:
    """A path, or a URL such as s3://bucket/folder; file:///folder is the path. Raises UsageError for an empty one,
    which a shell makes of a variable that is not set: as a path it is the current folder."""
    if not text:
        raise UsageError("an input is empty", "is a variable not set? The current folder is .")
    if "://" not in text:
        return Path(text)
    if text.startswith("file://"):
        return Path(unquote(urlsplit(text).path))
    return RemotePath(text.rstrip("/"))


def places_of_texts(texts: Iterable[str]) -> list[Path | RemotePath]:
    """The same with braces expanded, where nothing has them in its name. Raises UsageError."""
    return [place_of_text(part) for text in texts for part in ([text] if os.path.lexists(text) else expanded(text))]


def expanded(text: str) -> Iterator[str]:
    """`{0000..0099}` for each number with as many digits, `{a,b}` for each word, as in a shell and in WebDataset."""
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
        raise UsageError(f"{{{text}}} is no range of numbers", "write the lower one first: {0000..0099}")
    digits = len(numbers[1]) if numbers[1].startswith("0") else 0
    return [str(number).zfill(digits) for number in range(first, last + 1)]
