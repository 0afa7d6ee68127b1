"""The labels of a checkpoint that does not name them."""

from __future__ import annotations

from collections.abc import Sequence

from stargan_cli.errors import UsageError
from stargan_cli.labels import HAIR_COLOURS, LabelLayout, LabelSet


def layout_of(
    attributes: Sequence[str], classes: Sequence[str], groups: Sequence[Sequence[str]] = ()
) -> LabelLayout | None:
    """Attributes first and classes behind them, as the reference joins CelebA and RaFD; None where nothing is named.

    Hair colours are an exclusive group without being declared. Raises UsageError on names that contradict each other.
    """
    hair = tuple(name for name in attributes if name in HAIR_COLOURS)
    declared = [tuple(group) for group in groups]
    taken = {name for group in declared for name in group}
    if len(hair) > 1 and not taken & set(hair):
        declared.append(hair)
    sets = []
    try:
        if "" in (*attributes, *classes):
            raise ValueError("an empty name between two commas")
        if attributes or declared:
            sets.append(LabelSet("attributes", tuple(attributes), tuple(declared)))
        if classes:
            sets.append(LabelSet("classes", tuple(classes), kind="classes"))
        return LabelLayout(tuple(sets)) if sets else None
    except ValueError as error:
        raise UsageError(f"--attrs, --classes and --group do not fit each other: {error}") from error
