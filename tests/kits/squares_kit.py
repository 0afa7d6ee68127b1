"""Model squares and target labels at random, the same each time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from stargan_cli.compositing.change import changes_of
from stargan_cli.compositing.laying import laid
from stargan_cli.compositing.placement import Laying, Place, centred

CPU = torch.device("cpu")
STRAIGHT = (centred(40, 30),)
TURNED = (*STRAIGHT, Place(12 + 4j, 20 + 5j), Place(-3 - 6j, 25 - 2j))
"""Squares in pictures of 40x30 px."""


def squares(count: int) -> Tensor:
    return torch.randint(0, 256, (count, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(5))


def labels(count: int, passes: int = 1) -> Tensor:
    return torch.rand(count, passes, 5, generator=torch.Generator().manual_seed(6)).round()


def laying_of(count: int, places: Sequence[Place] = STRAIGHT) -> Laying:
    """The laying of `count` squares, which take these places in turn, each in a picture of 40x30 px."""
    return Laying.of([places[number % len(places)] for number in range(count)], 40, 30)


def maps_of(
    place: Place, size: tuple[int, int], seen: np.ndarray, add: Tensor, keep: Tensor | None = None
) -> np.ndarray:
    """The maps of a square `seen`, uint8 (3, S, S), at `place` in a picture. `add` and `keep`: see `changes_of`."""
    source = torch.from_numpy(seen)[None]
    change = changes_of(source, add[None], None if keep is None else keep[None])
    laying = Laying.of([place], *size)
    maps: np.ndarray = laid(change, source, *map(torch.from_numpy, laying.needed))[0].numpy()
    return maps
