"""Memory for what is worked out on the way, kept from one picture to the next.

The system clears fresh memory page by page. For small pictures that would take as long as all the rest.
"""

from __future__ import annotations

import math
from threading import local

import numpy as np

from stargan_cli.compositing.maps import Floats

MOST_KEPT = 1 << 22  # bytes of one array: in larger ones the work outweighs their clearing

_kept = local()


def scratch(name: str, shape: tuple[int, ...]) -> Floats:
    """A float32 array of this shape and any content: the same memory again for the same name in the same thread."""
    length = math.prod(shape)
    found: Floats | None = getattr(_kept, name, None)
    if found is None or found.size < length:
        found = np.empty(length, np.float32)
        if found.nbytes <= MOST_KEPT:
            setattr(_kept, name, found)
    return found[:length].reshape(shape)
