"""Make the C library keep freed memory for the next picture of a run.

By default, glibc returns large arrays to the system at once, and the system clears their pages again for each use:
800 page faults a picture of 128 px, a quarter of a small network's time on a CPU.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of malloc.h
LARGEST_KEPT, MOST_KEPT = 2**25, 2**27  # bytes: of one array (glibc's maximum), and in all


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Inside the block, this process keeps freed memory; at its end the system gets back what malloc_trim finds.

    glibc's thresholds stay raised: it cannot say what they were. Does nothing if the C library is not glibc.
    """
    glibc = None
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another library, musl say
            glibc = ctypes.CDLL(None)
            glibc.mallopt(M_MMAP_THRESHOLD, LARGEST_KEPT)
            glibc.mallopt(M_TRIM_THRESHOLD, MOST_KEPT)
    try:
        yield
    finally:
        if glibc is not None:
            with suppress(AttributeError):
                glibc.malloc_trim(0)
