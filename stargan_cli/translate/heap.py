"""What the C library does with memory that is freed: it keeps some of it for the next picture.

Else it gives large arrays back to the system at once, which clears their pages anew each time that they are needed:
800 page faults a picture of 128 px, a quarter of a small network's time on a CPU.
"""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of malloc.h
LARGEST_KEPT, MOST_KEPT = 2**25, 2**27  # bytes: of one array (the most that glibc takes), and in all


def keep_freed_memory() -> None:
    """For this process, where its C library is glibc."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another library, musl say
            mallopt = ctypes.CDLL(None).mallopt
            mallopt(M_MMAP_THRESHOLD, LARGEST_KEPT)
            mallopt(M_TRIM_THRESHOLD, MOST_KEPT)
