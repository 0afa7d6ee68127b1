"""How far translated pictures are, as a set, from real pictures of the target domain."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from stargan_cli.evaluate.fid import frechet_distance
from stargan_cli.evaluate.kid import kernel_distance
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
