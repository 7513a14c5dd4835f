"""Waiting for something to come about: as short as it takes, and long enough for a busy machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")


def until(asked: Callable[[], Answer], seconds: float = 120.0, pause_s: float = 0.05) -> Answer:
    """The first true answer. Raises AssertionError when none comes in time."""
    end = time.monotonic() + seconds
    while True:
        found = asked()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"it did not come about within {seconds:g} s: {found!r}")
        time.sleep(pause_s)


def came(asked: Callable[[], object], seconds: float = 30.0, pause_s: float = 0.02) -> bool:
    """Whether a true answer comes in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if asked():
            return True
        time.sleep(pause_s)
    return False
