"""`--each`: one output per attribute, and the part of a file name that tells them apart."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from stargan_cli.labels.changes import Change
from stargan_cli.labels.layout import LabelLayout

_LONGEST_SUFFIX = 60


@dataclass(frozen=True)
class Variant:
    """One of the outputs of a picture; `suffix` is safe in a file name and unlike that of the other variants."""

    suffix: str
    changes: tuple[Change, ...]


def each(layout: LabelLayout, changes: Sequence[Change] = ()) -> list[Variant]:
    """One variant per change. Without changes, one per attribute: on for a member of an exclusive group, and the
    opposite of what the picture shows for any other."""
    variants: list[Variant] = []
    taken: set[str] = set()
    for change in changes or _every(layout):
        suffix = _suffix(change, layout, explicit=bool(changes))
        number = 2
        unique = suffix
        while unique.casefold() in taken:
            unique, number = f"{suffix}-{number}", number + 1
        taken.add(unique.casefold())
        variants.append(Variant(unique, (change,)))
    return variants


def _every(layout: LabelLayout) -> list[Change]:
    return [
        Change(index, name, 1.0 if label_set.group_of(name) else "flip", name)
        for index, label_set in enumerate(layout.sets)
        for name in label_set.attributes
    ]


def _suffix(change: Change, layout: LabelLayout, explicit: bool) -> str:
    name = change.attribute
    if sum(name in label_set.attributes for label_set in layout.sets) > 1:
        name = f"{layout.sets[change.set_index].name}-{name}"
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", name)[:_LONGEST_SUFFIX]
    if change.value == 0:
        return f"no-{name}"
    if change.value == 1 or not explicit:
        return name
    return f"{name}-{change.value if change.value == 'flip' else format(change.value, 'g')}"
