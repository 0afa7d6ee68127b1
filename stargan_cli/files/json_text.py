"""JSON that others may have edited or damaged."""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable
from typing import Any


def parsed_json(text: str | bytes, pairs: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:
    """The values of a JSON text; `pairs` makes its objects. Raises ValueError, also for one that is nested so deeply
    that Python does not follow."""
    try:
        return json.loads(text, object_pairs_hook=pairs)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def decoded(data: bytes) -> str:
    """A text in UTF-8, or in what its first bytes say: Notepad begins UTF-8 with a mark, PowerShell's > writes UTF-16.
    Raises UnicodeDecodeError."""
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return data.decode("utf-16" if utf16 else "utf-8-sig")
