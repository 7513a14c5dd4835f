"""Interlocks of the plugins, judged on the newest values: reasons to refuse a command."""

from __future__ import annotations

from collections.abc import Iterable

from lamplighter.domain.city import Asset
from lamplighter.domain.newest_block import NewestValues
from lamplighter.domain.quality import CLASS_MASK, Quality
from lamplighter.governance.gate import Interlock
from lamplighter.plugin_api import Interlock as InterlockRule
from lamplighter.runtime.city_state import CityState
from lamplighter.runtime.plugins import LoadedPlugins


def blocking(
    asset: Asset, action: str, plugins: LoadedPlugins, city: CityState, newest: NewestValues
) -> tuple[Interlock, ...]:
    """Every interlock for this action on this asset, with whether it holds now."""
    found = []
    for plugin in plugins.host.loaded():
        for rule in plugin.rules.interlock:
            if rule.asset_type == asset.type and rule.action == action:
                holds = any(
                    _meets(rule, stream, city, newest)
                    for place in _places(rule, asset.id, city)
                    for stream in city.by_asset.get(place, ())
                )
                found.append(Interlock(action, rule.text, holds))
    return tuple(found)


def _places(rule: InterlockRule, asset: str, city: CityState) -> Iterable[str]:
    if rule.where == "upstream":
        return city.graph.upstream(asset)
    if rule.where == "downstream":
        return city.graph.downstream(asset)
    return (asset,)


def _meets(rule: InterlockRule, stream: int, city: CityState, newest: NewestValues) -> bool:
    known = city.streams[stream]
    if known.kind != rule.kind or stream >= len(newest):
        return False
    if int(newest.quality[stream]) & CLASS_MASK in (Quality.BAD, Quality.STALE):
        return False
    value = float(newest.value[stream])
    if isinstance(rule.threshold, str):
        state = known.states[int(value)] if 0 <= value < len(known.states) else ""
        return rule.condition == "equals" and state == rule.threshold
    if rule.condition == "above":
        return value > rule.threshold
    if rule.condition == "below":
        return value < rule.threshold
    return value == rule.threshold
