"""What a generator can set: attributes, exclusive groups, and their layout in the label vector."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any, Literal

SourceLabels = dict[tuple[int, str], float]
"""The source labels of a picture (0..1), as far as they are known, by index of the label set and attribute."""


@dataclass(frozen=True)
class LabelSet:
    """The labels of one data set.

    `kind="attributes"`: any number may be on (sigmoid, binary cross-entropy), except that of each group in `groups`
    at most one is. `kind="classes"`: exactly one is on (softmax, cross-entropy).
    """

    name: str
    attributes: tuple[str, ...]
    groups: tuple[tuple[str, ...], ...] = ()
    kind: Literal["attributes", "classes"] = "attributes"

    def __post_init__(self) -> None:
        if not self.attributes:
            raise ValueError(f"label set {self.name!r} has no attributes")
        if len(set(self.attributes)) != len(self.attributes):
            raise ValueError(f"label set {self.name!r} names an attribute twice: {', '.join(self.attributes)}")
        if self.kind not in ("attributes", "classes"):
            raise ValueError(f"label set {self.name!r}: kind must be attributes or classes, not {self.kind!r}")
        grouped = [name for group in self.groups for name in group]
        for name in grouped:
            if name not in self.attributes:
                raise ValueError(f"label set {self.name!r}: group member {name!r} is not one of its attributes")
        if len(set(grouped)) != len(grouped):
            raise ValueError(f"label set {self.name!r}: an attribute is in two groups")

    @property
    def all_groups(self) -> tuple[tuple[str, ...], ...]:
        """The exclusive groups: at most one attribute of each is on. Classes are one such group."""
        return (self.attributes,) if self.kind == "classes" else self.groups

    def group_of(self, attribute: str) -> tuple[str, ...]:
        """The exclusive group that an attribute belongs to, itself included; empty if it is in none."""
        return next((group for group in self.all_groups if attribute in group), ())

    def exclusive_with(self, attribute: str) -> tuple[str, ...]:
        """The other attributes that must be off if this one is on."""
        return tuple(name for name in self.group_of(attribute) if name != attribute)


@dataclass(frozen=True)
class LabelLayout:
    """The layout of the generator's label vector: the labels of each data set side by side. If there is more than one
    set, a one-hot mask follows, with one number for each set (StarGAN, section 3.3).

    `unset_stays`: if the label has no member of an exclusive group on (no hair colour), the generator keeps what the
    picture shows. Without it the generator removes what the picture shows.
    """

    sets: tuple[LabelSet, ...]
    unset_stays: bool = False

    def __post_init__(self) -> None:
        if not self.sets:
            raise ValueError("a label layout needs at least one label set")
        names = [label_set.name for label_set in self.sets]
        if len(set(names)) != len(names):
            raise ValueError(f"two label sets have the same name: {', '.join(names)}")

    @property
    def class_dim(self) -> int:
        """The number of labels of all sets, without the mask: those that the discriminator classifies."""
        return sum(len(label_set.attributes) for label_set in self.sets)

    @property
    def label_dim(self) -> int:
        """The length of the generator's label vector, mask included."""
        return self.class_dim + (len(self.sets) if len(self.sets) > 1 else 0)

    def positions(self, set_index: int) -> slice:
        """The indices of one set's labels in the label vector, and in the discriminator's class logits."""
        start = sum(len(label_set.attributes) for label_set in self.sets[:set_index])
        return slice(start, start + len(self.sets[set_index].attributes))

    def mask_position(self, set_index: int) -> int | None:
        """The index of one set's mask entry in the label vector; None if there is one set and so no mask."""
        return self.class_dim + set_index if len(self.sets) > 1 else None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> LabelLayout:
        """Read the JSON form of what `to_dict` gave. Raises ValueError if it is not a label layout."""
        entries, unset_stays = values.get("sets"), values.get("unset_stays", False)
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise ValueError("not a label layout: its sets are no list of objects")
        if not isinstance(unset_stays, bool):
            raise ValueError(f"not a label layout: unset_stays is {unset_stays!r}")
        return cls(tuple(map(_label_set, entries)), unset_stays)


def _label_set(entry: dict[str, Any]) -> LabelSet:
    name, attributes, groups = entry.get("name"), entry.get("attributes"), entry.get("groups")
    if not isinstance(name, str):
        raise ValueError(f"not a label layout: the name of a set is {name!r}")
    if not isinstance(groups, list):
        raise ValueError(f"not a label layout: the groups of {name!r} are {groups!r}")
    for names in (attributes, *groups):
        if not isinstance(names, list) or not all(isinstance(one, str) and one for one in names):
            raise ValueError(f"not a label layout: {names!r} in {name!r} is no list of names")
    return LabelSet(name, tuple(attributes or ()), tuple(tuple(group) for group in groups), entry.get("kind"))  # type: ignore[arg-type]  # LabelSet checks it


def several_shown(group: Sequence[str], count: int) -> str:
    """How to say that so many pictures show several attributes of an exclusive group."""
    return f"pictures that show several of {', '.join(group)}, which exclude each other: {count:,}"


HAIR_COLOURS = ("Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair")
"""CelebA's hair colours: the exclusive group that is known without being declared."""


def with_hair_colours(attributes: Sequence[str], groups: Iterable[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    """The exclusive groups in which all hair colours among `attributes` are one group. Groups that have some of them
    are joined to it."""
    hair = tuple(name for name in attributes if name in HAIR_COLOURS)
    declared = [tuple(group) for group in groups]
    sharing = [group for group in declared if not set(group).isdisjoint(hair)]
    if not sharing:
        return (hair, *declared) if len(hair) > 1 else tuple(declared)
    joined = tuple(dict.fromkeys(chain(*sharing, hair)))
    return tuple(dict.fromkeys(joined if group in sharing else group for group in declared))
