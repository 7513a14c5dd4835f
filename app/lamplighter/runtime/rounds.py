"""When what may speak beside the models looks again: now and then, sooner where one fell silent."""

from __future__ import annotations

from typing import Final

SOON_S: Final = 60
"""between two rounds, where a model fell silent"""


class Rounds:
    """Counts the seconds of a beat; used from its thread alone."""

    def __init__(self, every_s: int, first_s: int) -> None:
        """`first_s`: from the start to the first round, then `every_s` between two."""
        self._every_s = every_s
        self._seconds = self._last = every_s - first_s
        self._soon = False
        self._left_out: frozenset[str] = frozenset()
        """of whom a model spoke in the last round"""

    def soon(self, silent: frozenset[str]) -> None:
        """Look again before long: the models of these fell silent. Those that the last round looked
        at are known already, so that one that comes and goes brings no round each minute.
        """
        self._soon = self._soon or bool(silent & self._left_out)

    def due(self, spoken_of: frozenset[str], *, busy: bool) -> bool:
        """Once a second: whether a round begins now that leaves out `spoken_of`."""
        self._seconds += 1
        soon = self._soon and self._seconds - self._last >= SOON_S
        if busy or (self._seconds % self._every_s and not soon):
            return False
        self._soon, self._last, self._left_out = False, self._seconds, spoken_of
        return True
