"""Attribute accuracy: whether a judge reads a picture as what it was meant to become."""

from __future__ import annotations

import torch
from torch import Tensor


def successes(read: Tensor, wanted: Tensor, judged: Tensor) -> Tensor:
    """Labels read and wanted (n, k) -> bool (n,): every attribute in `judged`, bool (n, k), is read as wanted."""
    return ((read == wanted) | ~judged).all(dim=1)


def confidence(chances: Tensor, wanted: Tensor, judged: Tensor) -> Tensor:
    """Probabilities (n, k) -> (n,) in [0, 1]: how sure the judge is of what was wanted, where it is least sure."""
    agreement = torch.where(wanted == 1, chances, 1 - chances)
    return agreement.masked_fill(~judged, 1.0).amin(dim=1)
