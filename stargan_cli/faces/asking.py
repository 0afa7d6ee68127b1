"""How a search for faces asks networks that it does not have: it yields what it asks and is sent the answer.

The process that owns a picture runs its search and loads no torch. Whoever has the networks answers many pictures'
searches at once.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Literal, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from stargan_cli.pictures.arrays import Pixels

Floats = NDArray[np.float32]
Found = TypeVar("Found")


class Ask(NamedTuple):
    """`pixels` uint8 (N, 3, S, S), for one of the networks.

    `detector`, with S a multiple of 32: answered by the candidates of each picture, the surest first, float32
    (N, K, 15): score (0..1), box (left, top, right, bottom), and x, y of the eye on the picture's left, the one on its
    right, the nose, the mouth corner on the left and on the right (pixels).
    `landmarks`, with S = 112: the same five points of the face in each picture, float32 (N, 5, 2), as fractions of S.
    """

    network: Literal["detector", "landmarks"]
    pixels: Pixels


Search = Generator[Ask, Floats, Found]


def answered(search: Search[Found], answer: Callable[[Ask], Floats]) -> Found:
    """What a search finds whose every question is answered at once."""
    try:
        ask = next(search)
        while True:
            ask = search.send(answer(ask))
    except StopIteration as end:
        found: Found = end.value
        return found
