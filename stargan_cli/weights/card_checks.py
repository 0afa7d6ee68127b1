"""Checks of the fields of a weights file's card. All code that reads a card relies on them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

DEEPEST = 64


def check_plain(values: Any) -> None:
    """Raises ValueError if JSON values hold NaN or an infinite number, or are nested too deeply."""
    waiting = [(values, 0)]
    while waiting:
        value, depth = waiting.pop()
        if depth > DEEPEST:
            raise ValueError("its card is nested too deeply")
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"its card holds the number {value}")
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        waiting += [(one, depth + 1) for one in inner]


def check_fields(part: str, values: Mapping[str, Any]) -> None:
    """Raises ValueError if a known field of this part of the card has a wrong type or range. Other fields are free."""
    for name, (test, wanted) in FIELDS[part].items():
        if name in values and not test(values[name]):
            raise ValueError(f"its card says {part} {name} {values[name]!r}: it must be {wanted}")
    if part == "aliases" and not all(isinstance(value, str) for value in values.values()):
        raise ValueError("its card's aliases are not all texts")
    if part == "quality" and not all(map(_has_shares, values.values())):
        raise ValueError("its card says that more than all or less than none of the pictures were read as their target")
    if part == "training" and "started_from" in values:
        check_fields(part, values["started_from"])


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_place(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(_is_number(one) and abs(one) <= 10 for one in value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _has_shares(record: Any) -> bool:
    """Whether the record of a label set has shares from 0 to 1, if it has numbers at all."""
    read = record.get("read_as_target") if isinstance(record, dict) else None
    return not isinstance(read, dict) or all(0 <= share <= 1 for share in read.values() if _is_number(share))


def _is_object_of(test: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, dict) and all(map(test, value.values()))


FIELDS: dict[str, dict[str, tuple[Callable[[Any], bool], str]]] = {
    "preprocessing": {
        "crop": (_is_text, "a text"),
        "resize": (_is_text, "a text"),
        "landmarks": (_is_object_of(_is_place), "names with two numbers each, in fractions of the square's side"),
    },
    "aliases": {},
    "training": {
        "program": (_is_text, "a text"),
        "terms": (_is_text, "a text"),
        "iterations": (_is_count, "a count"),
        "hours": (lambda value: _is_number(value) and value >= 0, "a number, 0 or more"),
        "strength": (lambda value: _is_number(value) and value > 0, "a number above 0"),
        "pictures": (_is_object_of(_is_count), "names with a count each"),
        "settings": (_is_object, "an object"),
        "started_from": (_is_object, "an object"),
        "mean_of": (lambda value: isinstance(value, list) and all(map(_is_text, value)), "a list of texts"),
    },
    "quality": {},
}
"""Field -> the check of its value, and what the value must be, in words."""
