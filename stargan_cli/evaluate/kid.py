"""Kernel distance of two sets of features; with those of Inception it is the KID (Bińkowski et al., ICLR 2018)."""

from __future__ import annotations

from torch import Tensor

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
