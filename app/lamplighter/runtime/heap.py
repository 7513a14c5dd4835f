"""A heap that gives back what it no longer needs, for a process that runs for months.

The C library's allocator starts with several heaps per processor, and learns from the largest block
it ever freed to keep all smaller ones: short-lived arrays of the hourly and ten-minute work then
stay as holes, and a recorder seems to grow for hours without holding anything more.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys
from typing import Final

M_TRIM_THRESHOLD: Final = -1
M_MMAP_THRESHOLD: Final = -3
M_ARENA_MAX: Final = -8
HEAPS: Final = 1
LARGE: Final = 128 * 1024
"""bytes from which a block gets pages of its own and gives them back when it is freed"""


def steady_heap() -> bool:
    """One heap, and pages of their own for large blocks; False where there is no glibc.

    Call it before threads are started.
    """
    if sys.platform != "linux":
        return False
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return False
    asked = ((M_ARENA_MAX, HEAPS), (M_MMAP_THRESHOLD, LARGE), (M_TRIM_THRESHOLD, LARGE))
    return all(mallopt(name, value) == 1 for name, value in asked)


def give_back() -> None:
    """Returns pages that nothing uses to the system; after work that comes once an hour."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL("libc.so.6").malloc_trim(0)
