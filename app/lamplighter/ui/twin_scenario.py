"""What a shown what-if changes in the 3D city."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from lamplighter.domain.wire import ScenarioDone
from lamplighter.scene.states import AssetLook, Mark
from lamplighter.ui.city_index import CityIndex
from lamplighter.ui.twin_states import AlarmLooks

_SERVED: Final = ("ServiceArea", "Building", "BuildingPart")


def scenario_assets(city: CityIndex, done: ScenarioDone | None) -> frozenset[str]:
    """Assets whose value of now lies outside the range of then, the asset that was changed
    itself, and the buildings served from them.
    """
    if done is None:
        return frozenset()
    found = {r.asset for r in done.rows if r.low > r.baseline or r.high < r.baseline}
    found |= set(done.settings.values())
    found &= city.assets.keys()
    areas = {
        target
        for asset in found
        for target in city.feeds.get(asset, ())
        if target in city.assets and city.assets[target].type in _SERVED
    }
    return frozenset(found | areas | {b for a in areas for b in city.contents.get(a, ())})


def with_scenario(alarms: AlarmLooks, changed: frozenset[str]) -> AlarmLooks:
    """The scenario's mark under those of the alarms: what is wrong now stays visible."""
    if not changed:
        return alarms
    looks = {asset: AssetLook(Mark.SCENARIO) for asset in changed}
    return replace(alarms, looks={**looks, **alarms.looks})
