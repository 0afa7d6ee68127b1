"""Durations as text."""

from __future__ import annotations

import re

from stargan_cli.errors import UsageError


def parse_duration(text: str) -> float:
    """The seconds in a text such as `90s`, `45m`, `2h`, `1h30m` or `1.5h`. Raises UsageError."""
    found = re.fullmatch(r"(?:([\d.]+)h)?(?:([\d.]+)m)?(?:([\d.]+)s)?", text.strip())
    try:
        hours, minutes, seconds = (float(part) if part else 0.0 for part in found.groups()) if found else (0.0,) * 3
    except ValueError:
        hours = minutes = seconds = 0.0
    total = hours * 3600 + minutes * 60 + seconds
    if total <= 0:
        raise UsageError(f"not a time: {text}", "write it as 45m, 2h or 1h30m")
    return total


def duration(seconds: float) -> str:
    """Seconds as text, such as `2 days 3 h`, `5 h 20 min`, `12 min` or `40 s`."""
    units = (("day", 86_400), ("h", 3600), ("min", 60), ("s", 1))
    for (unit, size), (smaller, part) in zip(units, units[1:], strict=False):
        if seconds >= size:
            rest = int(seconds % size / part)
            name = "days" if unit == "day" and seconds >= 2 * size else unit
            return f"{int(seconds / size)} {name}" + (f" {rest} {smaller}" if rest and unit != "min" else "")
    return f"{max(1, round(seconds))} s"
