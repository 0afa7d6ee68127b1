"""Confidence intervals by resampling pictures (the percentile bootstrap; Efron, Annals of Statistics 1979)."""

from __future__ import annotations

from typing import Any

import numpy as np

RESAMPLES = 1000
MOST_AT_ONCE = 2_000_000


def rounded(number: float, digits: int) -> float:
    """The number, rounded to so many digits after the point. What rounds to nothing is 0, not -0."""
    return round(float(number), digits) + 0.0


def estimate(values: Any, seed: int = 0, pictures: Any = None) -> dict[str, Any] | None:
    """The mean of numbers (n,) and its 95 % interval, as `value`, `low`, `high` and `n`, the count of the numbers; None
    without a number. Values that are not finite (the picture lacks the region, say) are left out. The same values and
    seed give the same interval.

    `pictures`: int (n,), the picture of each number, by default another for each. A picture is drawn with all its
    numbers: several of one picture are not independent, and say less than as many of different pictures.
    """
    numbers = np.asarray(values, dtype=np.float64)
    known = np.isfinite(numbers)
    if not known.any():
        return None
    own = np.arange(len(numbers)) if pictures is None else np.asarray(pictures)
    _, place = np.unique(own[known], return_inverse=True)
    sums, counts = np.bincount(place, numbers[known]), np.bincount(place)
    count = len(sums)
    random = np.random.default_rng(seed)
    at_once = max(1, MOST_AT_ONCE // count)
    sizes = [min(at_once, RESAMPLES - start) for start in range(0, RESAMPLES, at_once)]
    drawn = (random.integers(0, count, (size, count)) for size in sizes)
    means = np.concatenate([sums[rows].sum(axis=1) / counts[rows].sum(axis=1) for rows in drawn])
    low, high = np.percentile(means, [2.5, 97.5])
    bounds = {"value": sums.sum() / counts.sum(), "low": low, "high": high}
    return {name: rounded(bound, 4) for name, bound in bounds.items()} | {"n": int(counts.sum())}
