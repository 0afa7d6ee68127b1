"""How far translated pictures are, as a set, from real pictures of the target domain."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from stargan_cli.evaluate.targets import Target

Features = Callable[[Tensor], Tensor]
"""uint8 pictures (n, 3, S, S) -> features (n, d) on the CPU."""

# FID is a word for one network's features; what other features give has a name of its own.
NAMES = {"inception": ("fid", "kid"), "judge": ("judge_frechet", "judge_kernel")}
FEWEST = 4


def distance_rows(kind: str, target: Target, real: Tensor, translated: Tensor) -> dict[str, Any] | None:
    """Distances to the real pictures that show the target: of the translated ones, of the same pictures left as they
    are, and of one half of the real ones to the other. `real`: features of all pictures, in their order. None where
    fewer than four real or four translated pictures are there."""
    domain, source = real[target.real], real[target.pictures]
    if min(len(domain), len(source)) < FEWEST:
        return None
    return {
        "translated": _distances(kind, translated, domain),
        "do_nothing": _distances(kind, source, domain),
        "real": _distances(kind, domain[::2], domain[1::2]),
    }


def _distances(kind: str, first: Tensor, second: Tensor) -> dict[str, Any]:
    frechet, kernel = NAMES[kind]
    mean, deviation = kernel_distance(first, second)
    return {
        "n": len(first),
        "n_real": len(second),
        frechet: round(frechet_distance(first, second), 4),
        kernel: round(mean, 6),
        f"{kernel}_std": round(deviation, 6),
    }


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


SUBSETS, SUBSET_SIZE = 100, 1000


def kernel_distance(first: Tensor, second: Tensor, seed: int = 2020) -> tuple[float, float]:
    """Features (n, d) and (m, d), two of each at least -> mean and standard deviation over subsets of the squared
    MMD with the cubic polynomial kernel. Unbiased: its mean does not depend on n, so it suits small n, and it may
    fall below 0. Subsets hold 1,000 pictures or, where there are fewer, as many as the smaller side. Computed by
    torch-fidelity."""
    from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, KEY_METRIC_KID_STD, kid_features_to_metric

    size = min(len(first), len(second), SUBSET_SIZE)
    if size < 2:
        raise ValueError("a kernel distance needs two pictures on each side at least")
    found = kid_features_to_metric(
        first.float(), second.float(), kid_subsets=SUBSETS, kid_subset_size=size, rng_seed=seed, verbose=False
    )
    return float(found[KEY_METRIC_KID_MEAN]), float(found[KEY_METRIC_KID_STD])
