"""How well further labels of a picture go with other labels, as the data shows it: men with lipstick are few."""

from __future__ import annotations

import torch
from torch import Tensor

PICTURES_OF_ALL = 4.0
"""What is known of the pictures with one row of labels begins with as many of the whole set."""


class Plausible:
    """Counted once, from `labels` (N, k) and `watched` (N, m), both of zeros and ones."""

    def __init__(self, labels: Tensor, watched: Tensor) -> None:
        self.rows, which, counts = torch.unique(labels.float(), dim=0, return_inverse=True, return_counts=True)
        watched = watched.float()
        shown = torch.zeros(len(self.rows), watched.shape[1]).index_add_(0, which, watched)
        self.overall = watched.mean(dim=0)
        self.shares = (shown + PICTURES_OF_ALL * self.overall) / (counts[:, None] + PICTURES_OF_ALL)

    def kept(self, labels: Tensor, targets: Tensor, watched: Tensor) -> Tensor:
        """(n, m) from 0 to 1: how often pictures with `targets` (n, k) show what `watched` (n, m) says, as a part of
        how often those with `labels` do; 1 where it is more often."""
        there, here = self._likely(targets, watched), self._likely(labels, watched)
        return (there / here.clamp(min=1e-6)).clamp(max=1)

    def _likely(self, labels: Tensor, watched: Tensor) -> Tensor:
        same = (labels[:, None] == self.rows).all(dim=2)
        shares = torch.where(same.any(dim=1, keepdim=True), same.float() @ self.shares, self.overall)
        return torch.where(watched > 0, shares, 1 - shares)
