"""What the allocator does with a large block after an even larger one was freed."""

from __future__ import annotations

import subprocess
import sys

import pytest

LOOK = """
import ctypes, sys
from lamplighter.runtime.heap import steady_heap
names = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()
class Info(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in names]
libc = ctypes.CDLL("libc.so.6")
libc.mallinfo2.restype = Info
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
if sys.argv[1] == "steady":
    assert steady_heap()
libc.free(libc.malloc(16_000_000))
before = libc.mallinfo2().hblks
libc.malloc(1_000_000)
print(libc.mallinfo2().hblks - before)
"""


def _own_pages(how: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", LOOK, how], capture_output=True, text=True, timeout=60, check=True
    )
    return int(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="needs glibc")
def test_a_large_block_has_pages_of_its_own_after_an_even_larger_one_was_freed() -> None:
    assert _own_pages("steady") == 1
    assert _own_pages("as it comes") == 0  # what the heap does by itself
