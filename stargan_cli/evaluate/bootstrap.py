"""Confidence intervals by resampling pictures (the percentile bootstrap; Efron, Annals of Statistics 1979)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

RESAMPLES = 1000
MOST_AT_ONCE = 2_000_000


@dataclass(frozen=True)
class Estimate:
    """A mean over `n` pictures with its 95 % interval."""

    value: float
    low: float
    high: float
    n: int

    def to_dict(self) -> dict[str, Any]:
        return {"value": round(self.value, 4), "low": round(self.low, 4), "high": round(self.high, 4), "n": self.n}


def estimate(values: Any, seed: int = 0, resamples: int = RESAMPLES) -> Estimate | None:
    """The mean of one number per picture, with its interval; None without a picture. Values that are not finite (the
    picture lacks the region, say) are left out. The same values and seed give the same interval."""
    numbers = np.asarray(values, dtype=np.float64)
    numbers = numbers[np.isfinite(numbers)]
    count = len(numbers)
    if not count:
        return None
    random = np.random.default_rng(seed)
    at_once = max(1, MOST_AT_ONCE // count)
    sizes = [min(at_once, resamples - start) for start in range(0, resamples, at_once)]
    means = np.concatenate([numbers[random.integers(0, count, (size, count))].mean(axis=1) for size in sizes])
    low, high = np.percentile(means, [2.5, 97.5])
    return Estimate(float(numbers.mean()), float(low), float(high), count)
