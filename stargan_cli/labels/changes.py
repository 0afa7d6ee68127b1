"""From `--set` to target labels.

A value says how far an attribute is to be on (0..1). It is written as in a table of labels (also `on`, `50%`), but not
as CelebA's -1. In an exclusive group, a member that is not named gets its source label times (1 - the sum of the named
values). So `blond` clears the other hair colours, `blond=0.5` is halfway from the present hair colour to blond, and
`no-blond` leaves the others unchanged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from stargan_cli.errors import UsageError
from stargan_cli.labels.layout import LabelLayout
from stargan_cli.labels.values import label_value
from stargan_cli.labels.vocabulary import Meaning, Vocabulary, quoted

Value = float | Literal["flip"]
"""How far on, in [0, 1]; or `flip`: off where the source label is more than 1/2, else on."""

_ROUNDING = 1e-6


@dataclass(frozen=True)
class Change:
    """One attribute to set; `word` is what the user wrote."""

    set_index: int
    attribute: str
    value: Value
    word: str


def parse_set(spec: str, layout: LabelLayout, aliases: Mapping[str, str] | None = None) -> tuple[Change, ...]:
    """Read `--set`: `blond,no-young,male=0.5`. Raises UsageError, and nothing else, for any other text.

    A name may be an alias of these weights (`aliases`), a common synonym or antonym, and have `set:` before it;
    `=flip` asks for the opposite of what the picture shows. If all classes of a set but one are off, that one is on:
    with two classes, `no-happy` sets the other.
    """
    return _parsed(spec, Vocabulary(layout, aliases))


def _parsed(spec: str, vocabulary: Vocabulary) -> tuple[Change, ...]:
    changes = tuple(_parse_one(item.strip(), vocabulary) for item in spec.split(","))
    _refuse_contradictions(vocabulary.layout, changes)
    return _with_the_class_left(vocabulary.layout, changes)


def is_sayable(word: str, meaning: Meaning, vocabulary: Vocabulary) -> bool:
    """Whether `--set WORD` has this meaning. A name with a comma or an equals sign has not."""
    try:
        changes = _parsed(word, vocabulary)
    except UsageError:
        return False
    return [(change.set_index, change.attribute, change.value) for change in changes] == [
        (meaning.set_index, meaning.attribute, float(meaning.on))
    ]


def _parse_one(item: str, vocabulary: Vocabulary) -> Change:
    if not item:
        raise UsageError("--set has an empty name", f"separate names with single commas\n{vocabulary.listing()}")
    name, _, number = item.rpartition("=") if "=" in item else (item, "", "1")
    meaning = vocabulary.find(name)
    value = _parse_value(item, number.strip())
    if value == "flip":
        if vocabulary.layout.sets[meaning.set_index].group_of(meaning.attribute):
            raise UsageError(
                f"{quoted(item)}: {meaning.attribute} has no opposite, as only one of its group can be on",
                "name the one to turn on",
            )
    elif not meaning.on:
        value = 1.0 - value
    return Change(meaning.set_index, meaning.attribute, value, item)


def _parse_value(item: str, text: str) -> Value:
    if text.lower() == "flip":
        return "flip"
    try:
        value = None if text.startswith("-") else label_value(text)
    except ValueError:
        value = None
    if value is None:
        raise UsageError(f"{quoted(item)}: the value must be a number from 0 to 1, or flip", "for example blond=0.5")
    return value


def _refuse_contradictions(layout: LabelLayout, changes: Sequence[Change]) -> None:
    first: dict[tuple[int, str], Change] = {}
    for change in changes:
        other = first.setdefault((change.set_index, change.attribute), change)
        if other is not change:
            raise UsageError(f"{other.word!r} and {change.word!r} both set {change.attribute}", "name it once")
    for index, values in passes(layout, changes):
        label_set = layout.sets[index]
        for group in label_set.all_groups:
            named = [name for name in values if name in group]
            total = _total(named, values)
            if total > 1 + _ROUNDING:
                words = " and ".join(repr(first[index, name].word) for name in named)
                raise UsageError(f"{words} exclude each other", "name one of them, or values that add up to 1 at most")
            if label_set.kind == "classes" and named and total <= _ROUNDING:
                others = [name for name in group if name not in named]
                if len(others) != 1:
                    raise UsageError(
                        f"{first[index, named[0]].word!r} does not say which class to show instead",
                        f"name one of: {', '.join(others)}" if others else None,
                    )


def _with_the_class_left(layout: LabelLayout, changes: tuple[Change, ...]) -> tuple[Change, ...]:
    for index, values in passes(layout, changes):
        label_set = layout.sets[index]
        if label_set.kind != "classes" or _total(values, values) > _ROUNDING:
            continue
        (left,) = (name for name in label_set.attributes if name not in values)
        word = next(change.word for change in changes if change.set_index == index)
        others = tuple(change for change in changes if change.set_index != index)
        changes = (*others, Change(index, left, 1.0, word))
    return changes


def passes(layout: LabelLayout, changes: Iterable[Change]) -> list[tuple[int, dict[str, Value]]]:
    """The passes of the generator: (set index, {attribute: value}), in the order of the first change of each set.
    Labels of two sets need two passes, as each pass has its own mask."""
    by_set: dict[int, dict[str, Value]] = {}
    for change in changes:
        by_set.setdefault(change.set_index, {})[change.attribute] = change.value
    return [(index, values) for index, values in by_set.items() if index < len(layout.sets)]


def target_label(
    layout: LabelLayout, set_index: int, values: Mapping[str, Value], source: Sequence[float]
) -> list[float]:
    """The generator's label vector (label_dim numbers, mask included) for one pass over one picture.

    `source` holds the source labels (0..1), one for each attribute of that set. Attributes that `values` does not name
    keep them, except in an exclusive group with a named member (see above). Groups without a named member are 0 if the
    generator then keeps what the picture shows (`LabelLayout.unset_stays`). Labels of other sets are 0.
    """
    label_set = layout.sets[set_index]
    if len(source) != len(label_set.attributes):
        raise ValueError(f"{len(source)} source labels for {len(label_set.attributes)} attributes")
    now = dict(zip(label_set.attributes, map(float, source), strict=True))
    target = dict(now)
    for group in label_set.all_groups:
        if not values.keys().isdisjoint(group):
            left = max(0.0, 1.0 - _total(group, values))
            target.update({name: now[name] * left for name in group})
        elif layout.unset_stays:
            target.update(dict.fromkeys(group, 0.0))
    for name, value in values.items():
        target[name] = float(now[name] <= 0.5 if value == "flip" else value)
    label = [0.0] * layout.label_dim
    label[layout.positions(set_index)] = [target[name] for name in label_set.attributes]
    mask = layout.mask_position(set_index)
    if mask is not None:
        label[mask] = 1.0
    return label


def unsaid(layout: LabelLayout, set_index: int, values: Mapping[str, Value]) -> tuple[str, ...]:
    """The attributes whose source label a pass needs: all that are not named (or named with `flip`), except in groups
    whose named values add up to 1, and in groups that the generator keeps if no member is named."""
    label_set = layout.sets[set_index]
    said = {name for name, value in values.items() if value != "flip"}
    for group in label_set.all_groups:
        if _total(group, values) >= 1 - _ROUNDING or (layout.unset_stays and values.keys().isdisjoint(group)):
            said.update(group)
    return tuple(name for name in label_set.attributes if name not in said)


def require_said(layout: LabelLayout, changes: Iterable[Change]) -> None:
    """For weights that cannot read source labels. Raises UsageError that lists what `--set` must name too."""
    missing: list[str] = []
    for index, values in passes(layout, changes):
        label_set = layout.sets[index]
        rest = unsaid(layout, index, values)
        groups = [[name for name in group if name in rest] for group in label_set.all_groups]
        missing += [f"{'one of ' * (len(group) > 1)}{', '.join(group)}" for group in groups if group]
        missing += [name for name in rest if not label_set.group_of(name)]
    if missing:
        raise UsageError(
            f"these weights cannot read the attributes of a picture; --set must also name: {'; '.join(missing)}",
            "name each as NAME or no-NAME, or give --labels FILE, or treat the rest as off with --rest off",
        )


def _total(names: Iterable[str], values: Mapping[str, Value]) -> float:
    return sum(float(values.get(name, 0.0)) for name in names if values.get(name) != "flip")
