"""The target labels of a training batch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from stargan_cli.datasets.draws import Draws
from stargan_cli.labels import LabelSet
from stargan_cli.labels.vectors import soft_label
from stargan_cli.train.recipe.settings import TrainSettings


@dataclass(frozen=True)
class TargetRule:
    """How targets are drawn from the labels of a batch: the labels of the same batch in another order, as in StarGAN's
    published training.

    `own_share` of the batch, rounded down, have their own labels as target; the targets of `single_share` of it differ
    from them in one thing alone, as after `--set` with one name. With `keep_unset`, a target without a member of an
    exclusive group (no hair colour) keeps the picture's own member of that group, as `--set` does.

    The masks are bool, on the device that computes: `groups` (G, k) has a row for each exclusive group, `things` (T, k)
    one for each thing that can change: a group, all classes together, or a single attribute.
    """

    groups: Tensor
    things: Tensor
    own_share: float
    single_share: float
    keep_unset: bool

    @classmethod
    def of(cls, label_set: LabelSet, device: torch.device, settings: TrainSettings) -> TargetRule:
        names = label_set.attributes
        alone = [(name,) for name in names if not label_set.group_of(name)]
        groups, things = (
            torch.tensor([[name in group for name in names] for group in listed], dtype=torch.bool)
            .view(-1, len(names))
            .to(device)
            for listed in (label_set.groups, [*label_set.all_groups, *alone])
        )
        return cls(groups, things, settings.own_share, settings.single_share, settings.keep_unset)

    def targets(self, labels: Tensor, draws: Draws) -> Tensor:
        """Targets (N, k), float in {0, 1}, drawn from `labels` (N, k) of the whole batch."""
        targets = labels[draws.order()]
        if self.keep_unset:
            unset = self.groups.any(dim=0) & ~_group_has(targets, self.groups)
            targets = torch.where(unset, labels, targets)
        own, single = (int(share * len(labels)) for share in (self.own_share, self.single_share))
        parts = [labels[:own], targets[own + single :]]
        if single:
            parts.insert(1, self._with_one_change(labels, draws)[own : own + single])
        return torch.cat(parts)

    def asked(self, labels: Tensor, targets: Tensor, read: Tensor, all_named: Tensor) -> Tensor:
        """`targets` (N, k) as `translate` gives them to the generator if `--set` names only what changes: exclusive
        groups that stay are 0, and single attributes that stay are soft labels, as read from the picture.

        `read` (N, k): the probability of each attribute. `all_named`: bool (N, 1), rows in which all attributes count
        as named.
        """
        named = (targets != labels) | all_named
        in_groups = targets * _group_has(named, self.groups)
        return torch.where(self.groups.any(dim=0), in_groups, torch.where(named, targets, soft_label(read)))

    def _with_one_change(self, labels: Tensor, draws: Draws) -> Tensor:
        """Change one thing in each row, drawn at random: invert a single attribute, or set another member of a group,
        each with equal probability. If all members of the group are on, set one of them."""
        count = len(self.things)
        thing = (draws.uniform_of_all(1)[0] * count).long().clamp_(max=count - 1)
        there = self.things[thing]
        several = there.sum(dim=1, keepdim=True) > 1
        others = there & (labels == 0)
        others = torch.where(others.any(dim=1, keepdim=True), others, there)
        chance = draws.uniform_of_all(labels.shape[1]).T
        chosen = chance.masked_fill(~others, -1.0).argmax(dim=1, keepdim=True)
        member = torch.zeros_like(labels).scatter_(1, chosen, 1.0)
        return torch.where(there, torch.where(several, member, 1 - labels), labels)


def _group_has(marked: Tensor, groups: Tensor) -> Tensor:
    """bool (N, k): whether any member of the attribute's group is set in `marked` (N, k). `groups`: bool (G, k)."""
    shown = (marked.bool()[:, None] & groups).any(dim=2, keepdim=True)
    return (shown & groups).any(dim=1)
