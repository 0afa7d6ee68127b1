"""Fréchet distance of two sets of features; with those of Inception it is the FID (Heusel et al., NeurIPS 2017)."""

from __future__ import annotations

from torch import Tensor


def frechet_distance(first: Tensor, second: Tensor) -> float:
    """Features (n, d) and (m, d), two of each at least -> the distance between the Gaussians that fit them; at 0 they
    are the same. It falls with n and m: compare equal numbers only. Computed by torch-fidelity."""
    from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_features_to_statistics, fid_statistics_to_metric

    if min(len(first), len(second)) < 2:
        raise ValueError("a Fréchet distance needs two pictures on each side at least")
    statistics = [fid_features_to_statistics(features.cpu().float()) for features in (first, second)]
    return float(fid_statistics_to_metric(*statistics, verbose=False)[KEY_METRIC_FID])
