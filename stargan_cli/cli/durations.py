"""Lengths of time as people write them."""

from __future__ import annotations

import re

from stargan_cli.errors import UsageError


def parse_duration(text: str) -> float:
    """Seconds of `90s`, `45m`, `2h`, `1h30m`, `1.5h`. Raises UsageError."""
    found = re.fullmatch(r"(?:([\d.]+)h)?(?:([\d.]+)m)?(?:([\d.]+)s)?", text.strip())
    try:
        hours, minutes, seconds = (float(part) if part else 0.0 for part in found.groups()) if found else (0.0,) * 3
    except ValueError:
        hours = minutes = seconds = 0.0
    total = hours * 3600 + minutes * 60 + seconds
    if total <= 0:
        raise UsageError(f"not a time: {text}", "write it as 45m, 2h or 1h30m")
    return total
