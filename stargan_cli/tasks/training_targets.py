"""What the pictures of a training batch are translated to."""

from __future__ import annotations

import torch
from torch import Tensor

from stargan_cli.attributes import LabelSet


def training_targets(
    labels: Tensor, label_set: LabelSet, random: torch.Generator, *, own_share: float = 0.0, keep_unset: bool = False
) -> Tensor:
    """The labels of the same batch in another order (N, k), as in StarGAN's published training.

    `own_share` of the batch, rounded down, keep the own labels as target. With `keep_unset` a target that shows no
    member of an exclusive group (hair of none of the colours) leaves that group as the picture has it, as `--set` does.
    """
    targets = labels[torch.randperm(len(labels), generator=random)]
    if keep_unset:
        for group in label_set.groups:
            columns = [label_set.attributes.index(name) for name in group]
            unset = targets[:, columns].sum(dim=1, keepdim=True) == 0
            targets[:, columns] = torch.where(unset, labels[:, columns], targets[:, columns])
    own = int(own_share * len(labels))
    targets[:own] = labels[:own]
    return targets
