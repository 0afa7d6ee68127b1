"""Names of data sets, targets and classifiers, each different from the others."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence


def told_apart(names: Iterable[str]) -> list[str]:
    """The same names; those that have occurred before get a number: `lite0`, `lite0 (2)`."""
    seen: Counter[str] = Counter()
    found = []
    for name in names:
        seen[name] += 1
        found.append(f"{name} ({seen[name]})" if seen[name] > 1 else name)
    return found


def plain_names(names: Sequence[str]) -> list[str]:
    """Turn names into different file names that any file system accepts."""
    found: list[str] = []
    for name in names:
        plain = re.sub(r"[^\w+-]", "_", name)
        while plain.lower() in (other.lower() for other in found):
            plain += "_"
        found.append(plain)
    return found
