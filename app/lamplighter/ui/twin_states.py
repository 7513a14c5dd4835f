"""From values and alarms to the looks and marks of the 3D city, cheap enough for every beat.

Trust is one array expression over all datastreams; alarms are only walked when they changed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from lamplighter.domain.alarm import AlarmRecord, AlarmState, Incident
from lamplighter.domain.newest_block import NewestValues
from lamplighter.scene.states import AssetLook, Mark, StateTable
from lamplighter.ui import numbers
from lamplighter.ui.city_index import CityIndex
from lamplighter.ui.twin_labels import Badge
from lamplighter.ui.words import tr

_HIDDEN: Final = (AlarmState.SHELVED, AlarmState.SUPPRESSED, AlarmState.OUT_OF_SERVICE)
_LEVELS: Final = (1.0, 0.65, 0.35, 0.0, None)
MOST_BADGES: Final = 600
MOST_DOWNSTREAM: Final = 50_000
LEAST_STREAMS: Final = 8
"""a source with fewer datastreams is a device, not an area"""
AMONG_M: Final = 60.0
"""metres from a silent asset within which what has no value of its own counts as not live too"""
_LETTERS: Final = (("hospital", "H"), ("school", "S"))


class TrustOf:
    """Trust of every asset with datastreams: 0 live, 1 reduced, 2 doubtful, 3 none, 4 never."""

    def __init__(self, city: CityIndex) -> None:
        self.assets = list(city.of_asset)
        pairs = [(s.id, n) for n, a in enumerate(self.assets) for s in city.of_asset[a]]
        both = np.array(pairs, dtype=np.int64).reshape(-1, 2)
        self._ids, self._asset = both[:, 0], both[:, 1]
        self._count = np.maximum(np.bincount(self._asset, minlength=len(self.assets)), 1)

    def levels(
        self, values: NewestValues | None, stale: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.int8]:
        """One level per asset of `assets`. Nothing known yet means no level is claimed."""
        out = np.zeros(len(self.assets), dtype=np.int8)
        if values is None or not len(self._ids):
            return out
        inside = self._ids < min(len(values), len(stale))
        rows = np.where(inside, self._ids, 0)
        gone = stale[rows] | ~inside
        never = (values.time_ms[rows] == 0) | ~inside
        trust = np.where(np.isfinite(values.trust[rows]), values.trust[rows], 1.0)
        worst = np.ones(len(out), dtype=np.float64)
        np.minimum.at(worst, self._asset, np.where(gone, 1.0, trust))
        out[worst < 0.8] = 1
        out[worst < 0.5] = 2
        out[worst < 0.2] = 3
        lost = np.bincount(self._asset, weights=gone, minlength=len(out)) / self._count
        out[(lost > 0) & (out < 2)] = 2
        out[lost >= 1.0] = 3
        silent = np.bincount(self._asset, weights=never, minlength=len(out))
        out[silent >= self._count] = 4
        return out


@dataclass(frozen=True, slots=True)
class AlarmLooks:
    """What the alarms say: looks by asset, badges, and whether an incident is open."""

    looks: Mapping[str, AssetLook] = field(default_factory=dict)
    badges: tuple[Badge, ...] = ()
    incident: bool = False


@dataclass(frozen=True, slots=True)
class Silence:
    """A source whose every datastream has stopped: what it measured, and what stands among it."""

    source: str
    place: str
    anchor: str
    streams: int
    assets: frozenset[str]
    since_ms: int


class Sources:
    """Which source each datastream comes from, to see at once when a whole one falls silent."""

    def __init__(self, city: CityIndex) -> None:
        self._city = city
        self.names = sorted({s.source for s in city.streams.values()})
        where = {name: n for n, name in enumerate(self.names)}
        self._ids = np.array(sorted(city.streams), dtype=np.int64)
        self._source = np.array(
            [where[city.streams[i].source] for i in self._ids.tolist()], dtype=np.int64
        )
        self._count = np.bincount(self._source, minlength=len(self.names))
        self._known: dict[int, Silence] = {}

    def silent(
        self, values: NewestValues | None, stale: npt.NDArray[np.bool_]
    ) -> tuple[Silence, ...]:
        """Sources that were heard once and of which nothing is live now; all or none of a city
        with one source would say nothing that the alarm strip does not."""
        if values is None or len(self.names) < 2 or not len(self._ids):
            return ()
        inside = self._ids < min(len(values), len(stale))
        ids, source = self._ids[inside], self._source[inside]
        gone = np.bincount(source, weights=stale[ids], minlength=len(self.names))
        rows = np.flatnonzero((gone >= self._count) & (self._count >= LEAST_STREAMS)).tolist()
        if len(rows) == len(self.names):
            return ()
        self._known = {row: known for row, known in self._known.items() if row in rows}
        for row in rows:
            since, known = int(values.time_ms[ids[source == row]].max()), self._known.get(row)
            if not since:
                self._known.pop(row, None)
            elif known is None:
                self._known[row] = self._describe(row, since)
            elif known.since_ms != since:  # another moment of a replay
                self._known[row] = replace(known, since_ms=since)
        return tuple(self._known.values())

    def _describe(self, row: int, since_ms: int) -> Silence:
        city, name = self._city, self.names[row]
        mine = [s for s in city.streams.values() if s.source == name]
        own = {s.asset for s in mine if s.asset in city.assets}
        others = {s.asset for s in city.streams.values() if s.source != name and s.asset}
        anchor, place = _middle(city, own)
        return Silence(
            name, place, anchor, len(mine), frozenset(_among(city, own, others)), since_ms
        )


def _middle(city: CityIndex, own: set[str]) -> tuple[str, str]:
    """The asset in the middle of a silent area, and what people call the area."""
    placed = [city.assets[a] for a in own if city.assets[a].x is not None]
    if not placed:
        return "", ""
    xy = np.array([(a.x, a.y) for a in placed], dtype=np.float64)
    far = np.linalg.norm(xy - np.median(xy, axis=0), axis=1)
    anchor = placed[int(np.argmin(far))]
    words = [
        (a.domain != "power", place)
        for a in placed
        if (place := a.name.removeprefix(f"{a.id} ")) != a.name
        and not any(c.isdigit() for c in place)
    ]
    place = min(words)[1] if words else ""  # a substation carries the name of its quarter
    return anchor.id, place


def _among(city: CityIndex, own: set[str], others: set[str]) -> set[str]:
    """The silent assets and everything without a value of its own that stands among them."""
    near = [city.assets[a] for a in own if city.assets[a].x is not None]
    if len(near) < 3:
        return own
    spots = np.array([(a.x, a.y) for a in near], dtype=np.float64)
    rest = [
        a
        for a in city.assets.values()
        if a.x is not None and a.id not in own and a.id not in others and not a.path
    ]
    xy = np.array([(a.x, a.y) for a in rest], dtype=np.float64).reshape(-1, 2)
    low, high = spots.min(axis=0) - AMONG_M, spots.max(axis=0) + AMONG_M
    inside = np.flatnonzero(((xy >= low) & (xy <= high)).all(axis=1))
    found = set(own)
    for row in inside.tolist():
        if (np.hypot(*(spots - xy[row]).T) < AMONG_M).any():
            found.add(rest[row].id)
    return found


def silence_badges(silent: tuple[Silence, ...], now_ms: int) -> tuple[Badge, ...]:
    """A dashed label per silent area: place, source, age, how many datastreams."""
    found = []
    for one in silent:
        title = tr("{place} not live", place=one.place or one.source)
        age = coarse_age(now_ms - one.since_ms)
        text = tr("{source} silent {age} · {n} streams", source=one.source, age=age, n=one.streams)
        found.append(Badge(one.anchor, title=title, text=text, dashed=True))
    return tuple(b for b in found if b.asset)


def coarse_age(ms: int) -> str:
    """An age in steps of ten seconds, so that the label is not painted anew each second."""
    seconds = max(0, ms) / 1000.0
    return numbers.age(seconds // 10 * 10 if seconds >= 10 else seconds // 1)


def downstream(city: CityIndex, asset: str) -> set[str]:
    """Everything fed, served or controlled from an asset, directly or not, and what stands in it:
    the houses of a block without power lose service with the block."""
    found: set[str] = set()
    waiting = deque([asset])
    while waiting and len(found) < MOST_DOWNSTREAM:
        here = waiting.popleft()
        for target in (*city.feeds.get(here, ()), *city.contents.get(here, ())):
            if target not in found and target != asset:
                found.add(target)
                waiting.append(target)
    return found


def alarm_looks(
    city: CityIndex, standing: list[AlarmRecord], incidents: tuple[Incident, ...]
) -> AlarmLooks:
    """Looks and badges of all alarms that stand and are not hidden by shelving or design."""
    seen = [a for a in standing if a.state not in _HIDDEN]
    worst: dict[str, AlarmRecord] = {}
    for record in seen:
        known = worst.get(record.asset)
        if known is None or (not record.active, record.priority) < (
            not known.active,
            known.priority,
        ):
            worst[record.asset] = record
    looks: dict[str, AssetLook] = {}
    causes = {i.asset: i for i in incidents if i.active}
    for incident in causes.values():
        for asset in downstream(city, incident.asset):
            looks[asset] = AssetLook(Mark.LOSES_SERVICE)
    for asset, record in worst.items():
        if record.active:
            mark = Mark.CAUSE if asset in causes else Mark.ABNORMAL
            looks[asset] = AssetLook(mark, record.priority)
    return AlarmLooks(looks, _badges(city, worst, causes, looks), bool(causes))


def _badges(
    city: CityIndex,
    worst: Mapping[str, AlarmRecord],
    causes: Mapping[str, Incident],
    looks: Mapping[str, AssetLook],
) -> tuple[Badge, ...]:
    badges: list[Badge] = []
    for record in sorted(worst.values(), key=lambda a: (a.priority, a.since_ms)):
        asset, state = record.asset, str(record.state)
        cause = causes.get(asset)
        if cause is not None:
            words = cause.text
            if cause.people_affected:
                words += " · " + tr("about {n} people", n=f"{cause.people_affected:,}")
            badges.append(Badge(asset, record.priority, state, city.name(asset), words))
        elif record.incident and record.priority > 1:
            badges.append(Badge(asset, record.priority, state))
        else:
            badges.append(Badge(asset, record.priority, state, city.name(asset), record.text))
    for asset, look in looks.items():
        if look.mark is Mark.LOSES_SERVICE and (letter := _letter(city, asset)):
            badges.append(Badge(asset, letter=letter, title=city.name(asset)))
    return tuple(badges[:MOST_BADGES])


def _letter(city: CityIndex, asset: str) -> str:
    found = city.assets.get(asset)
    if found is None:
        return ""
    words = f"{found.type} {found.name} {found.attributes.get('use', '')}".lower()
    return next((letter for word, letter in _LETTERS if word in words), "")


def merged_states(
    alarms: AlarmLooks,
    assets: list[str],
    levels: npt.NDArray[np.int8],
    tint: Mapping[str, float],
    silent: tuple[Silence, ...] = (),
) -> StateTable:
    """One table out of alarms, trust, silent areas and tint."""
    looks = dict(alarms.looks)
    for one in silent:
        for name in one.assets:
            known = looks.get(name, AssetLook())
            looks[name] = AssetLook(known.mark, known.priority, 0.0, known.tint)
    for name, value in tint.items():
        known = looks.get(name, AssetLook())
        looks[name] = AssetLook(known.mark, known.priority, known.trust, value)
    for row in np.flatnonzero(levels).tolist():
        name = assets[row]
        known = looks.get(name, AssetLook())
        looks[name] = AssetLook(known.mark, known.priority, _LEVELS[levels[row]], known.tint)
    return StateTable(looks, hide_tint=alarms.incident)
