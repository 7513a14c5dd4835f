"""Interlocks of the plugins, judged on the newest values: reasons to refuse a command."""

from __future__ import annotations

from collections.abc import Iterable

from lamplighter.domain.city import Asset
from lamplighter.domain.newest_block import NewestValues
from lamplighter.domain.quality import CLASS_MASK, Quality, QualityMark
from lamplighter.governance.gate import Interlock
from lamplighter.plugin_api import Interlock as InterlockRule
from lamplighter.plugin_api import Kind
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
                streams = [
                    stream
                    for place in places(rule, asset.id, city)
                    for stream in city.by_asset.get(place, ())
                ]
                kind = plugins.kinds.get(rule.kind)
                holds = any(_meets(rule, kind, stream, city, newest) for stream in streams)
                blind = any(_withheld(rule, stream, city, newest) for stream in streams)
                text = rule.text
                if blind and not holds:
                    text = f"'{rule.text}' cannot be judged: its sensor is withheld"
                found.append(Interlock(action, text, holds or blind))
    return tuple(found)


def places(rule: InterlockRule, asset: str, city: CityState) -> Iterable[str]:
    """The assets whose sensors an interlock looks at for a command to `asset`."""
    if rule.where == "upstream":
        return city.graph.upstream(asset)
    if rule.where == "downstream":
        return city.graph.downstream(asset)
    return (asset,)


def _withheld(rule: InterlockRule, stream: int, city: CityState, newest: NewestValues) -> bool:
    """Whether it would be judged by a sensor that nobody may decide by: then it blocks."""
    if city.streams[stream].kind != rule.kind or stream >= len(newest):
        return False
    return bool(int(newest.quality[stream]) & QualityMark.WITHHELD)


def _meets(
    rule: InterlockRule, kind: Kind | None, stream: int, city: CityState, newest: NewestValues
) -> bool:
    known = city.streams[stream]
    if known.kind != rule.kind or stream >= len(newest):
        return False
    if int(newest.quality[stream]) & CLASS_MASK in (Quality.BAD, Quality.STALE):
        return False
    value = float(newest.value[stream])
    if isinstance(rule.threshold, str):
        state = known.states[int(value)] if 0 <= value < len(known.states) else ""
        return rule.condition == "equals" and state == rule.threshold
    way = None if kind is None else kind.conversion(known.unit)
    if way is None:
        return True  # nobody knows what its number means: better refused than done
    value = value * way[0] + way[1]
    if rule.condition == "above":
        return value > rule.threshold
    if rule.condition == "below":
        return value < rule.threshold
    return value == rule.threshold
