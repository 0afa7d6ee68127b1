"""The targets that an evaluation translates a data set's pictures to, and whether a translation has succeeded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor

from stargan_cli.labels import HAIR_COLOURS, LabelLayout, LabelSet, target_label
from stargan_cli.labels.synonyms import ANTONYMS

# The combinations of more factors take too long: then only the paper's factors are combined.
MOST_FACTORS = 3
_FACTOR_NAMES = {"Male": "gender", "Young": "age"}
_PAPERS_FACTORS = ("hair", "gender", "age")


@dataclass(frozen=True)
class Target:
    """One change, of the pictures that do not show it yet.

    `pictures`: int64 (n,), their indices. `wanted`: uint8 (n, k), their labels afterwards. `named`: bool (n, k), the
    attributes that the change sets; a translation has succeeded if a classifier reads all of these as wanted. `moved`:
    bool (k,), the attributes that may change: those set in some picture and the other members of their groups. `real`:
    int64 (m,), real pictures that show the change, and `real_named`: bool (m, k), the attributes that show it.
    """

    name: str
    pictures: Tensor
    wanted: Tensor
    named: Tensor
    moved: Tensor
    real: Tensor
    real_named: Tensor
    combination: bool = False


def targets_for(label_set: LabelSet, labels: Tensor) -> list[Target]:
    """A target for every attribute of an exclusive group, for every other attribute on and off, and for every
    combination of two or more factors (hair+gender, ...; the paper's H+G, H+A, G+A and H+G+A), in which every factor
    changes. Of more than three factors only the paper's are combined.

    `labels`: uint8 (N, k). Targets that no picture can be translated to are left out.
    """
    found = []
    for name in label_set.attributes:
        found.append(_single(label_set, labels, name, 1))
        if not label_set.group_of(name):
            found.append(_single(label_set, labels, name, 0))
    joined = list(_factors(label_set))
    if len(joined) > MOST_FACTORS:
        joined = [name for name in joined if name in _PAPERS_FACTORS]
    for size in range(2, len(joined) + 1):
        found += [_combined(label_set, labels, chosen) for chosen in combinations(joined, size)]
    return [target for target in found if len(target.pictures)]


def _single(label_set: LabelSet, labels: Tensor, name: str, value: int) -> Target:
    column = label_set.attributes.index(name)
    pictures = (labels[:, column] != value).nonzero().flatten()
    changes = [{name: float(value)}] * len(pictures)
    word = name if value else next(iter(ANTONYMS.get(name, ())), f"no-{name}")
    real = (labels[:, column] == value).nonzero().flatten()
    real_named = torch.zeros(len(real), labels.shape[1], dtype=torch.bool)
    real_named[:, column] = True
    applied = _applied(label_set, labels[pictures], changes)
    return Target(word, pictures, *applied, _moved(label_set, (name,)), real, real_named)


def _moved(label_set: LabelSet, names: Sequence[str]) -> Tensor:
    members = {other for name in names for other in (label_set.group_of(name) or (name,))}
    return torch.tensor([name in members for name in label_set.attributes])


def _factors(label_set: LabelSet) -> dict[str, tuple[str, ...]]:
    """Factor name -> its attributes: an exclusive group, or a single attribute outside all groups."""
    factors: dict[str, tuple[str, ...]] = {}
    for name in label_set.attributes:
        group = label_set.group_of(name)
        if not group:
            factors[_FACTOR_NAMES.get(name, name)] = (name,)
        else:
            factors["hair" if set(group) <= set(HAIR_COLOURS) else "/".join(group)] = group
    return factors


def _combined(label_set: LabelSet, labels: Tensor, chosen: tuple[str, ...]) -> Target:
    """Change all chosen factors at once: flip a single attribute; of a group set one of the members that are off."""
    factors = _factors(label_set)
    changes = []
    for number, row in enumerate(labels.tolist()):
        now = dict(zip(label_set.attributes, row, strict=True))
        change: dict[str, float] = {}
        for names in (factors[factor] for factor in chosen):
            if len(names) == 1:
                change[names[0]] = 1.0 - now[names[0]]
            else:
                off = [name for name in names if not now[name]]
                change[(off or names)[number % len(off or names)]] = 1.0
        changes.append(change)
    everything, (wanted, named) = torch.arange(len(labels)), _applied(label_set, labels, changes)
    real, real_named = _showing(label_set, labels, [factors[factor] for factor in chosen])
    moved = _moved(label_set, [name for factor in chosen for name in factors[factor]])
    return Target("+".join(chosen), everything, wanted, named, moved, real, real_named, combination=True)


def _showing(label_set: LabelSet, labels: Tensor, factors: Sequence[Sequence[str]]) -> tuple[Tensor, Tensor]:
    """Pictures in which every group has a member that is on (a person with grey hair may have none), and the attributes
    to check in each: of a group the members that are on, and every single attribute."""
    named = torch.zeros(labels.shape, dtype=torch.bool)
    shows = torch.ones(len(labels), dtype=torch.bool)
    for names in factors:
        columns = [label_set.attributes.index(name) for name in names]
        if len(names) == 1:
            named[:, columns] = True
        else:
            named[:, columns] = labels[:, columns] == 1
            shows &= named[:, columns].any(dim=1)
    real = shows.nonzero().flatten()
    return real, named[real]


def _applied(label_set: LabelSet, labels: Tensor, changes: Sequence[Mapping[str, float]]) -> tuple[Tensor, Tensor]:
    """The labels wanted after the changes, and which attributes the changes name."""
    alone = LabelLayout((label_set,))
    rows = [target_label(alone, 0, change, row) for row, change in zip(labels.tolist(), changes, strict=True)]
    named = [[name in change for name in label_set.attributes] for change in changes]
    return torch.tensor(rows).to(torch.uint8).view(labels.shape), torch.tensor(named).view(labels.shape)


def successes(read: Tensor, wanted: Tensor, named: Tensor) -> Tensor:
    """Labels as read by c classifiers (n, c, k), wanted (n, k) and named, bool (n, k) -> bool (n, c): every named
    attribute is read as wanted."""
    return ((read == wanted[:, None]) | ~named[:, None]).all(dim=2)


def confidence(probabilities: Tensor, wanted: Tensor, named: Tensor) -> Tensor:
    """Probabilities (n, c, k) -> (n,) in [0, 1]: the lowest probability that any classifier gives any named label."""
    agreement = torch.where(wanted[:, None] == 1, probabilities, 1 - probabilities)
    return agreement.masked_fill(~named[:, None], 1.0).amin(dim=(1, 2))
