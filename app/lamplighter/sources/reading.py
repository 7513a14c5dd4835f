"""What a reader finds in a payload the field gave; the reader itself comes from another room.

Feeds of pages and files are read through a mapping. This room does not know mappings: whoever opens
a feed hands it a `Reader`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from lamplighter.sources.own_source import OwnSource, Point

REMEMBERED: Final = 100_000
"""newest times by datastream that are remembered, to tell what is new in a page"""


class Odd(NamedTuple):
    """One value that cannot be used: its bytes go to quarantine with the reason."""

    name: str
    code: str
    what: str
    body: bytes


@dataclass(slots=True)
class Found:
    """All points of one payload. A point without a time of its own has the time of receipt."""

    points: list[Point] = field(default_factory=list)
    units: dict[str, str] = field(default_factory=dict)
    odd: list[Odd] = field(default_factory=list)
    bare: set[int] = field(default_factory=set)
    """places in `points` of those without a time of their own: they have the time of receipt"""

    @property
    def own_time(self) -> bool:
        """Whether every point carried its own time."""
        return not self.bare


class Unreadable(NamedTuple):
    """The whole payload is of no use."""

    code: str
    what: str


Reader = Callable[[bytes, int, Mapping[str, str]], Found | Unreadable]
"""(payload, time of receipt in UTC ms, values of template holes) -> what is in it."""


class News:
    """Tells what is new in a page that is read again and again.

    Values with a time of their own are taken once: when they are newer than the newest of their
    datastream, or were not in the page before. Others are a new reading each time.
    """

    def __init__(self, newest: Mapping[str, int] | None = None) -> None:
        """`newest`: what an earlier run had taken."""
        self._page: set[tuple[str, int | None, float | str]] = set()
        self._heard: dict[tuple[str, int | None, float | str], None] = {}
        """what came beside the page: the page on its way may have been made before it"""
        self.newest: dict[str, int] = dict(newest or {})
        """newest own time taken, by datastream"""
        self._floor = dict(self.newest)
        self._latest: dict[str, tuple[int | None, float | str]] = {}
        self._troubled: set[tuple[str, str]] = set()

    def of(self, found: Found) -> list[Point]:
        """Points to store. A page may give old and new rows in any order."""
        page: set[tuple[str, int | None, float | str]] = set()
        before = dict(self.newest)
        fresh = []
        for place, point in enumerate(found.points):
            if place in found.bare:
                fresh.append(point)
                continue
            last = before.get(point.name)
            new = last is None or point.time_ms is None or point.time_ms > last
            key = (point.name, point.time_ms, point.value)
            first = key not in page
            page.add(key)
            known = key in self._page or key in self._heard
            if (new or self._page) and first and not known:
                fresh.append(point)
                self._newer(point)
        self._page = page
        return fresh

    def changed(self, found: Found) -> list[Point]:
        """Points of states that are told again and again: those that say something new."""
        fresh = []
        for place, point in enumerate(found.points):
            if place in found.bare:
                fresh.append(point)
                continue
            said, floor = (point.time_ms, point.value), self._floor.get(point.name)
            old = floor is not None and point.time_ms is not None and point.time_ms <= floor
            if old or self._latest.get(point.name) == said:
                continue
            if point.name in self._latest or len(self._latest) < REMEMBERED:
                self._latest[point.name] = said
            fresh.append(point)
            self._newer(point)
        return fresh

    def one_by_one(self, points: list[Point]) -> list[Point]:
        """Points that came by themselves, beside the page: those that were not taken yet."""
        fresh = []
        for point in points:
            key = (point.name, point.time_ms, point.value)
            if key in self._page or key in self._heard:
                continue
            self._heard[key] = None
            if len(self._heard) > REMEMBERED:
                del self._heard[next(iter(self._heard))]
            fresh.append(point)
            self._newer(point)
        return fresh

    def _newer(self, point: Point) -> None:
        known = self.newest.get(point.name)
        if point.time_ms is None or (known is None and len(self.newest) >= REMEMBERED):
            return
        self.newest[point.name] = point.time_ms if known is None else max(known, point.time_ms)

    def odd_of(self, found: Found) -> list[Odd]:
        """Values that cannot be used and were usable, or not there, the last time."""
        now = {(o.name, o.code) for o in found.odd}
        fresh = [o for o in found.odd if (o.name, o.code) not in self._troubled]
        self._troubled = now
        return fresh


def put_found(source: OwnSource, found: Found, news: News, payload: bytes) -> int:
    """Into the feed's source; returns how many points were new."""
    fresh = news.of(found)
    if fresh:
        note = {p.name: news.newest[p.name] for p in fresh if p.name in news.newest}
        source.put(fresh, units=found.units, original=payload, note=note or None)
    for odd in news.odd_of(found):
        source.set_aside(odd.body, f"{odd.name}: {odd.what}", odd.code)
    return len(fresh)
