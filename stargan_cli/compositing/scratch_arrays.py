"""Memory for intermediate results, kept from one picture to the next.

The system clears fresh memory page by page. For small pictures that would take as long as everything else.
"""

from __future__ import annotations

import math
from threading import local

import numpy as np

from stargan_cli.pictures.arrays import Floats

MOST_KEPT = 1 << 22  # bytes of one array: for larger ones, clearing takes little of the time

_kept = local()


def scratch_array(name: str, shape: tuple[int, ...]) -> Floats:
    """Return an uninitialised float32 array of this shape. The same name in the same thread gets the same memory."""
    length = math.prod(shape)
    found: Floats | None = getattr(_kept, name, None)
    if found is None or found.size < length:
        found = np.empty(length, np.float32)
        if found.nbytes <= MOST_KEPT:
            setattr(_kept, name, found)
    return found[:length].reshape(shape)
