"""How far translated pictures are, as a set, from real pictures of the target domain."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from stargan_cli.evaluate.bootstrap import rounded
from stargan_cli.evaluate.targets import Target

Features = Callable[[Tensor], Tensor]
"""uint8 pictures (n, 3, S, S) -> features (n, d) on the CPU."""

# FID and KID are defined for Inception features; distances between other features are named after their network.
NAMES = {"inception": ("fid", "kid")}
FEWEST = 4
SHARE_RESAMPLES = 200
ROUNDING = 1e-9  # kernel distances up to this are rounding errors
MOST_AT_ONCE = 4_000_000  # kernels in memory, of 8 bytes each


def names_of(features: str) -> tuple[str, str]:
    """The names of the Fréchet and the kernel distance between these features."""
    plain = features.replace("-", "_")
    return NAMES.get(features, (f"{plain}_frechet", f"{plain}_kernel"))


def distance_rows(
    features: str, target: Target, labels: Tensor, real: Tensor, translated: Tensor, seed: int = 0
) -> dict[str, Any] | None:
    """Distances to the real pictures that show the target: from the translated pictures, from their unchanged sources,
    and from one half of the real pictures to the other; and the share of the kernel distance that translating leaves.

    The real pictures are weighted so that every other attribute is as frequent among them as among the sources: more
    women than men are blond, which must not count as a difference in hair. Sources whose other attributes no real
    picture has are left out. `labels`: uint8 (N, k) of all pictures; `real`: their features, in the same order;
    `translated`: features of the target's pictures. None if there are fewer than four pictures on either side.
    """
    shown, weight, kept = matched(labels, target)
    if min(len(shown), len(kept)) < FEWEST:
        return None
    domain, source, made = real[shown], real[target.pictures[kept]], translated[kept]
    halves = [_Set(domain[start::2], weight[start::2]) for start in (0, 1)]
    there = _Set(domain, weight)
    left, low, high = share_left(source, made, there, seed)
    return {
        "translated": _distances(features, _Set(made), there),
        "do_nothing": _distances(features, _Set(source), there),
        "real": _distances(features, *halves),
        "share_left": None if left is None else {"value": left, "low": low, "high": high, "n": len(source)},
    }


def matched(labels: Tensor, target: Target) -> tuple[Tensor, Tensor, Tensor]:
    """Match real pictures and sources by the attributes that the target does not move. Returns the real pictures (m,)
    whose other attributes some source has, their weights (m,), which sum to 1, and the positions in `target.pictures`
    of the sources (n,) whose other attributes some real picture has."""
    others = ~target.moved
    source_kinds, real_kinds = (
        [tuple(row) for row in labels[rows][:, others].tolist()] for rows in (target.pictures, target.real)
    )
    common = set(source_kinds) & set(real_kinds)
    kept = torch.tensor([number for number, kind in enumerate(source_kinds) if kind in common], dtype=torch.int64)
    shown = [number for number, kind in enumerate(real_kinds) if kind in common]
    wanted = {kind: source_kinds.count(kind) / real_kinds.count(kind) for kind in common}
    weight = torch.tensor([wanted[real_kinds[number]] for number in shown], dtype=torch.float64)
    return target.real[shown], weight / weight.sum(), kept


class _Set:
    """Features (n, d) and a weight for each row. The weights sum to 1, and are equal by default."""

    def __init__(self, features: Tensor, weights: Tensor | None = None) -> None:
        self.features = features.cpu().double()
        even = torch.full((len(features),), 1 / max(1, len(features)), dtype=torch.float64)
        self.weights = even if weights is None else weights / weights.sum()


def _distances(features: str, first: _Set, second: _Set) -> dict[str, Any]:
    frechet, kernel = names_of(features)
    return {
        "n": len(first.features),
        "n_real": len(second.features),
        frechet: rounded(frechet_distance(first.features, second.features, first.weights, second.weights), 4),
        kernel: rounded(kernel_distance(first.features, second.features, first.weights, second.weights), 6),
    }


def frechet_distance(
    first: Tensor, second: Tensor, first_weights: Tensor | None = None, second_weights: Tensor | None = None
) -> float:
    """The Fréchet distance between the Gaussians fitted to features (n, d) and (m, d), with n and m at least 2; 0 if
    they are the same (FID; Heusel et al., NIPS 2017). It falls as n and m grow: compare equal numbers only.

    The trace of the root of the covariances' product is the sum of the singular values of the product of the
    centred features (n, d) x (d, m). If n or m is below d, this is exact and a hundred times faster than the
    eigenvalues of a (d, d) matrix, which torch-fidelity computes. Both give the same number.
    """
    if min(len(first), len(second)) < 2:
        raise ValueError("a Fréchet distance needs two pictures on each side at least")
    one, other = _Set(first, first_weights), _Set(second, second_weights)
    (mean, root), (other_mean, other_root) = _gaussian(one), _gaussian(other)
    shared = torch.linalg.svdvals(root @ other_root.T).sum()
    spread = root.square().sum() + other_root.square().sum()
    return float((mean - other_mean).square().sum() + spread - 2 * shared)


def _gaussian(one: _Set) -> tuple[Tensor, Tensor]:
    """The mean (d,) and a matrix R of at most d rows with R^T R the covariance (unbiased for these weights)."""
    weights = one.weights[:, None]
    mean = (weights * one.features).sum(dim=0)
    root = (one.features - mean) * (weights / (1 - weights.square().sum())).sqrt()
    return mean, torch.linalg.qr(root, mode="r").R if len(root) > root.shape[1] else root


def kernel_distance(
    first: Tensor, second: Tensor, first_weights: Tensor | None = None, second_weights: Tensor | None = None
) -> float:
    """The squared MMD between features (n, d) and (m, d), with n and m at least 2 and the cubic polynomial kernel (KID;
    Binkowski et al., ICLR 2018), over all pictures. It is unbiased: its mean does not depend on n and m, so it suits
    few pictures, and it may be below 0."""
    if min(len(first), len(second)) < 2:
        raise ValueError("a kernel distance needs two pictures on each side at least")
    one, other = _Set(first, first_weights), _Set(second, second_weights)
    v, u = one.weights[:, None], other.weights[:, None]
    within = _within(one.features, v) + _within(other.features, u)
    return float(within - 2 * _between(one.features, other.features, v, u))


def _between(first: Tensor, second: Tensor, weights: Tensor, other_weights: Tensor) -> Tensor:
    """The mean kernel (r,) of the pairs of a row of (n, d) and one of (m, d), for each column of their weights, (n, r)
    and (m, r). The kernels of a block of rows are in memory at a time, not all n x m."""
    total = weights.new_zeros(weights.shape[1])
    for rows in torch.arange(len(first)).split(max(1, MOST_AT_ONCE // len(second))):  # type: ignore[no-untyped-call]
        total += (weights[rows] * (_kernel(first[rows], second) @ other_weights)).sum(dim=0)
    return total / (weights.sum(dim=0) * other_weights.sum(dim=0))


def _within(features: Tensor, weights: Tensor) -> Tensor:
    """The mean kernel (r,) of the pairs of two different rows of (n, d), for each column of the weights (n, r)."""
    alone = (weights.square() * (features.square().mean(dim=1, keepdim=True) + 1) ** 3).sum(dim=0)
    every, itself = weights.sum(dim=0).square(), weights.square().sum(dim=0)
    return (_between(features, features, weights, weights) * every - alone) / (every - itself)


def _kernel(first: Tensor, second: Tensor) -> Tensor:
    return (first @ second.T / first.shape[1] + 1) ** 3


def share_left(
    source: Tensor, made: Tensor, there: _Set, seed: int = 0
) -> tuple[float, float, float] | tuple[None, None, None]:
    """The kernel distance of translated pictures over that of their sources, with its 95 % interval by resampling both
    sides. 1: translating gains nothing; 0: the translated pictures are as near as real ones. None if the same resamples
    do not make it certain that the sources differ from the real pictures: the ratio would be noise."""
    real, random = there.features, np.random.default_rng(seed)
    drawn = [[_resample(len(one), random) for one in (source, real)] for _ in range(SHARE_RESAMPLES)]
    ours, theirs = (torch.from_numpy(np.stack(one, axis=1)).double() for one in zip(*drawn, strict=True))
    ours = torch.cat([torch.ones_like(ours[:, :1]), ours], dim=1)
    theirs = torch.cat([torch.ones_like(theirs[:, :1]), theirs], dim=1) * there.weights[:, None]
    within = _within(real, theirs)
    found = [
        _within(one, ours) + within - 2 * _between(one, real, ours, theirs)
        for one in (source.cpu().double(), made.cpu().double())
    ]
    far, near = (one.numpy() for one in found)
    if far[0] <= ROUNDING or np.percentile(far[1:], 2.5) <= ROUNDING:
        return None, None, None
    apart = far[1:] != 0
    low, high = np.percentile(near[1:][apart] / far[1:][apart], [2.5, 97.5]).tolist()
    return rounded(near[0] / far[0], 4), rounded(low, 4), rounded(high, 4)


def _resample(count: int, random: np.random.Generator) -> np.ndarray:
    """How often each of `count` pictures, two at least, is drawn. If all draws are one picture, which has no distance
    to itself, they are drawn again."""
    while True:
        drawn = np.bincount(random.integers(0, count, count), minlength=count)
        if drawn.max() < count:
            return drawn
