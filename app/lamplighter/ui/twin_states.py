"""From values and alarms to the looks and marks of the 3D city, cheap enough for every beat.

Trust is one array expression over all datastreams; alarms are only walked when they changed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from lamplighter.domain.alarm import AlarmRecord, AlarmState, Incident
from lamplighter.domain.newest_block import NewestValues
from lamplighter.scene.states import AssetLook, Mark, StateTable
from lamplighter.ui.city_index import CityIndex
from lamplighter.ui.twin_labels import Badge
from lamplighter.ui.words import tr

_HIDDEN: Final = (AlarmState.SHELVED, AlarmState.SUPPRESSED, AlarmState.OUT_OF_SERVICE)
_LEVELS: Final = (1.0, 0.65, 0.35, 0.0, None)
MOST_BADGES: Final = 600
MOST_DOWNSTREAM: Final = 50_000
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
            people = tr("about {n} people", n=f"{cause.people_affected:,}")
            badges.append(
                Badge(asset, record.priority, state, city.name(asset), f"{cause.text} · {people}")
            )
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
) -> StateTable:
    """One table out of alarms, trust and tint."""
    looks = dict(alarms.looks)
    for name, value in tint.items():
        known = looks.get(name, AssetLook())
        looks[name] = AssetLook(known.mark, known.priority, known.trust, value)
    for row in np.flatnonzero(levels).tolist():
        name = assets[row]
        known = looks.get(name, AssetLook())
        looks[name] = AssetLook(known.mark, known.priority, _LEVELS[levels[row]], known.tint)
    return StateTable(looks, hide_tint=alarms.incident)
