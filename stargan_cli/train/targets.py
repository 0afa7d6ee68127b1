"""What the pictures of a training batch are translated to."""

from __future__ import annotations

import torch
from torch import Tensor

from stargan_cli.labels import LabelSet
from stargan_cli.labels.vectors import soft_label, unnamed_groups_off


def training_targets(
    labels: Tensor,
    label_set: LabelSet,
    random: torch.Generator,
    *,
    own_share: float = 0.0,
    single_share: float = 0.0,
    keep_unset: bool = False,
) -> Tensor:
    """The labels of the same batch in another order (N, k), as in StarGAN's published training.

    `own_share` of the batch, rounded down, keep the own labels as target; `single_share` of it differ from them in one
    thing alone, as after `--set` with one name. With `keep_unset` a target that shows no member of an exclusive group
    (hair of none of the colours) leaves that group as the picture has it, as `--set` does.
    """
    targets = labels[torch.randperm(len(labels), generator=random)]
    if keep_unset:
        for group in label_set.groups:
            columns = [label_set.attributes.index(name) for name in group]
            unset = targets[:, columns].sum(dim=1, keepdim=True) == 0
            targets[:, columns] = torch.where(unset, labels[:, columns], targets[:, columns])
    own, single = int(own_share * len(labels)), int(single_share * len(labels))
    targets[:own] = labels[:own]
    for row in range(own, own + single):
        targets[row] = _with_one_change(labels[row], _things(label_set), random)
    return targets


def asked_for(labels: Tensor, targets: Tensor, read: Tensor, all_named: Tensor, label_set: LabelSet) -> Tensor:
    """`targets` (N, k) as `translate` gives them where `--set` names what changes alone: exclusive groups that stay are
    off, single attributes that stay get soft labels, as they are read from the picture.

    `read` (N, k): how probable each attribute is, in [0, 1]. `all_named`: bool (N, 1), rows that name everything.
    """
    named = (targets != labels) | all_named
    asked = unnamed_groups_off(targets, named, label_set)
    single = torch.tensor([not label_set.group_of(name) for name in label_set.attributes], device=targets.device)
    return torch.where(named | ~single, asked, soft_label(read))


def _things(label_set: LabelSet) -> list[list[int]]:
    """The columns of each thing that can change: a group, all classes together, or a single attribute."""
    if label_set.kind == "classes":
        return [list(range(len(label_set.attributes)))]
    groups = [[label_set.attributes.index(name) for name in group] for group in label_set.groups]
    grouped = {column for group in groups for column in group}
    return groups + [[column] for column in range(len(label_set.attributes)) if column not in grouped]


def _with_one_change(label: Tensor, things: list[list[int]], random: torch.Generator) -> Tensor:
    """One thing is drawn: a single attribute turns, of a group another member is set, each as likely."""
    columns = things[int(torch.randint(len(things), (), generator=random))]
    changed = label.clone()
    if len(columns) == 1:
        changed[columns[0]] = 1 - label[columns[0]]
        return changed
    others = [column for column in columns if label[column] == 0] or columns
    changed[columns] = 0
    changed[others[int(torch.randint(len(others), (), generator=random))]] = 1
    return changed
