"""New datastreams: when the city is read anew for them, and when they are bound to their assets.

Not for each device that first speaks: clients build everything they show from the city.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from lamplighter.domain.observation import Committed
from lamplighter.runtime.core_loop import CoreLoop

EACH_MS: Final = 1_500
"""the city is read anew for new names at most this often"""
HOME_LOOKS: Final = 3
"""so often is looked after new names for what feeds tell about their homes"""


class NewNames:
    """Names that were heard, stored and shown. `bind` binds new datastreams to their assets."""

    def __init__(
        self, core: CoreLoop, monotonic_ms: Callable[[], int], bind: Callable[[], None]
    ) -> None:
        self._core = core
        self._now = monotonic_ms
        self._bind = bind
        self._due = False
        self._stored = False
        self._taken = -EACH_MS
        self._homes_due = 0

    def heard(self) -> None:
        """A waiting batch brings new names; the city is read anew when it is stored."""
        self._due = True

    def stored(self, committed: Committed) -> None:
        """A batch that a feed brought is stored."""
        if self._due or self._brings(committed):
            self._due, self._stored = False, True
        self._adopt()

    def taken_in(self, committed: Committed) -> None:
        """A batch that no feed brought is stored; its names are read at once, also where a batch
        that a feed brought has been stored since they were heard.
        """
        if self._due or self._brings(committed):
            self._due = False
            self._core.city_changed()

    def look(self) -> None:
        """Once a second."""
        if self._homes_due:
            self._homes_due -= 1
            self._bind()
        self._adopt()

    def _brings(self, committed: Committed) -> bool:
        """Whether values came of datastreams that the city as it was read does not have."""
        streams = self._core.city.streams
        last = streams[-1].id if streams else -1
        points = committed.points.datastream
        return bool(len(points)) and int(points.max()) > last

    def _adopt(self) -> None:
        now = self._now()
        if self._stored and now - self._taken >= EACH_MS:
            self._stored = False
            self._taken = now
            self._homes_due = HOME_LOOKS
            self._core.city_changed()
