"""A clock that stands still until it is told to move, and can be made to jump."""

from __future__ import annotations


class FakeClock:
    """Wall and monotonic time, in ms, moved by hand."""

    def __init__(self, wall_ms: int = 1_795_305_600_000) -> None:
        self._wall = wall_ms
        self._monotonic = 1_000_000

    def wall_ms(self) -> int:
        return self._wall

    def monotonic_ms(self) -> int:
        return self._monotonic

    def advance(self, ms: int) -> None:
        """Time passes: both go forward."""
        self._wall += ms
        self._monotonic += ms

    def jump(self, ms: int) -> None:
        """Somebody sets the wall clock; no time passes."""
        self._wall += ms
