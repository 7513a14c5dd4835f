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


HOLES = """
from pathlib import Path
from lamplighter.runtime.heap import give_back, steady_heap
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
import ctypes
libc = ctypes.CDLL("libc.so.6")
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = libc.free.argtypes = [ctypes.c_size_t]
steady_heap()
blocks = [libc.malloc(100_000) for _ in range(600)]
for block in blocks:
    ctypes.memset(block, 1, 100_000)
pin = libc.malloc(100_000)
for block in blocks:
    libc.free(block)
before = resident()
give_back()
print(before - resident())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs glibc")
def test_holes_below_what_is_still_used_go_back_to_the_system() -> None:
    done = subprocess.run(
        [sys.executable, "-c", HOLES], capture_output=True, text=True, timeout=60, check=True
    )

    assert int(done.stdout) > 40_000_000
