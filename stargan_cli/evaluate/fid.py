"""Fréchet distance of two sets of features; with those of Inception it is the FID (Heusel et al., NeurIPS 2017)."""

from __future__ import annotations

import torch
from torch import Tensor


def frechet_distance(first: Tensor, second: Tensor) -> float:
    """Features (n, d) and (m, d), two of each at least -> the distance between the Gaussians that fit them; at 0 they
    are the same. It falls with n and m: compare equal numbers only.

    The trace of the root of the covariances' product is the sum of the singular values of the product of the
    centred features (n, d) x (d, m): exact where n or m is below d, and there a hundred times quicker than the
    eigenvalues of a (d, d) matrix, which torch-fidelity takes. Both give the same number.
    """
    if min(len(first), len(second)) < 2:
        raise ValueError("a Fréchet distance needs two pictures on each side at least")
    (mean, root), (other_mean, other_root) = _gaussian(first), _gaussian(second)
    shared = torch.linalg.svdvals(root @ other_root.T).sum()
    spread = root.square().sum() + other_root.square().sum()
    return float((mean - other_mean).square().sum() + spread - 2 * shared)


def _gaussian(features: Tensor) -> tuple[Tensor, Tensor]:
    """The mean (d,) and a matrix R of at most d rows with R^T R the covariance."""
    numbers = features.cpu().double()
    mean = numbers.mean(dim=0)
    root = (numbers - mean) / (len(numbers) - 1) ** 0.5
    return mean, torch.linalg.qr(root, mode="r").R if len(root) > root.shape[1] else root
