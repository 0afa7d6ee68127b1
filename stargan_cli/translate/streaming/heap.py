"""Make the C library keep freed memory for the next picture.

By default, glibc returns large arrays to the system at once, and the system clears their pages again for each use:
800 page faults a picture of 128 px, a quarter of a small network's time on a CPU.
"""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of malloc.h
LARGEST_KEPT, MOST_KEPT = 2**25, 2**27  # bytes: of one array (glibc's maximum), and in all


def keep_freed_memory() -> None:
    """Raise glibc's thresholds for giving freed memory back to the system, for this process. Does nothing if its C
    library is not glibc."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another library, musl say
            mallopt = ctypes.CDLL(None).mallopt
            mallopt(M_MMAP_THRESHOLD, LARGEST_KEPT)
            mallopt(M_TRIM_THRESHOLD, MOST_KEPT)
