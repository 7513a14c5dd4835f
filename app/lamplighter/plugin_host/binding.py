"""A plugin's rules bound to this city's datastreams; and what its kinds say about them.

Rules are written for kinds. Binding finds the datastreams of that kind and turns names of limits
and states into numbers in the datastream's own unit. Nothing of a plugin runs afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from lamplighter.domain.alarm import AlarmRule, Condition, Step, Term, bare_id
from lamplighter.domain.city import Asset, Datastream, Limits
from lamplighter.plugin_api import Kind, Plugin, Rule
from lamplighter.plugin_api.catalogue import LimitValues
from lamplighter.plugin_api.ruling import When

Ranges = dict[tuple[str, str], tuple[float | None, float | None]]
"""(kind, unit) -> (low, high)"""
SAME = (1.0, 0.0)
_WITH_UNIT = frozenset({Condition.ABOVE, Condition.BELOW, Condition.EQUALS, Condition.RATE})


def bound_rules(
    plugins: Iterable[Plugin], assets: Iterable[Asset], datastreams: Sequence[Datastream]
) -> list[AlarmRule]:
    """Every rule of the plugins on every datastream it fits, in a stable order.

    The rule's id is `<plugin>.<rule>`; where an asset has several datastreams of the kind, those
    after the first carry their name as well, and their sender's where several have one name. A rule
    whose limit, state or unit a datastream does not have is not bound to it. A datastream without
    an asset stands for itself.
    """
    types = {a.id: a.type for a in assets}
    by_kind: dict[str, list[Datastream]] = {}
    for stream in sorted(datastreams, key=lambda d: d.id):
        by_kind.setdefault(stream.kind, []).append(stream)
    on_asset: dict[tuple[str, str], Datastream] = {}
    for stream in sorted(datastreams, key=lambda d: d.id):
        on_asset.setdefault((stream.asset or stream.key, stream.kind), stream)
    bound: list[AlarmRule] = []
    for plugin in plugins:
        first = len(bound)
        kinds = plugin.catalogue.kinds()
        steps = _steps(plugin)
        for rule in plugin.rules.rule:
            kind = kinds[rule.kind]
            seen: set[str] = set()
            taken: set[tuple[str, str]] = set()
            for stream in by_kind.get(rule.kind, ()):
                asset = stream.asset or stream.key
                if rule.asset_types and types.get(asset) not in rule.asset_types:
                    continue
                if rule.only_with_limits and stream.limits == Limits():
                    continue
                name = f"{plugin.id}.{rule.id}"
                if asset in seen:
                    own = f"{name}#{stream.name}"
                    name = own if (own, asset) not in taken else f"{name}#{stream.key}"
                one = _bound(name, plugin.id, rule, kind, stream, asset)
                terms = _terms(rule, plugin.id, asset, kinds, on_asset)
                if one is not None and terms is not None:
                    seen.add(asset)
                    taken.add((name, asset))
                    checklist = steps.get(rule.id, ())
                    bound.append(msgspec.structs.replace(one, terms=terms, checklist=checklist))
        bound[first:] = _quieted(plugin, bound[first:])
    return bound


def _quieted(plugin: Plugin, rules: Sequence[AlarmRule]) -> list[AlarmRule]:
    """The rules with the names of those that quiet them: of one kind only on the same datastream,
    for another sensor's low says nothing about this one's.
    """
    kind_of = {f"{plugin.id}.{r.id}": r.kind for r in plugin.rules.rule}
    named = {(bare_id(r.id), r.datastream): r.id for r in rules}
    found = []
    for rule in rules:
        louder = bare_id(rule.unless)
        if louder and kind_of.get(louder) == kind_of[bare_id(rule.id)]:
            name = named.get((louder, rule.datastream), "")
            rule = msgspec.structs.replace(rule, unless=name)
        found.append(rule)
    return found


def _steps(plugin: Plugin) -> dict[str, tuple[Step, ...]]:
    """Checklist steps by rule id."""
    found: dict[str, tuple[Step, ...]] = {}
    for checklist in plugin.rules.checklist:
        steps = tuple(Step(text, checklist.required) for text in checklist.steps)
        for rule in checklist.rules:
            found[rule] = (*found.get(rule, ()), *steps)
    return found


def _terms(
    rule: Rule,
    owner: str,
    asset: str,
    kinds: Mapping[str, Kind],
    on_asset: Mapping[tuple[str, str], Datastream],
) -> tuple[Term, ...] | None:
    """The further parts of a condition; None where the asset lacks one of them."""
    terms = []
    for when in rule.when:
        if when.rule is not None:
            terms.append(Term(rule=f"{owner}.{when.rule}", negate=when.negate))
            continue
        kind, stream = kinds.get(when.kind or ""), on_asset.get((asset, when.kind or ""))
        if kind is None or stream is None:
            return None
        way = kind.conversion(stream.unit)
        threshold = _threshold(when, kind, stream, way)
        if threshold is None:
            return None
        in_unit = when.condition in _WITH_UNIT and not kind.states
        deadband = when.deadband / (way or SAME)[0] if in_unit else when.deadband
        terms.append(Term(stream.id, when.condition, threshold, deadband, negate=when.negate))
    return tuple(terms)


def _bound(
    name: str, owner: str, rule: Rule, kind: Kind, stream: Datastream, asset: str
) -> AlarmRule | None:
    way = kind.conversion(stream.unit)
    threshold = _threshold(rule, kind, stream, way)
    if threshold is None:
        return None
    in_unit = rule.condition in _WITH_UNIT and not kind.states
    return AlarmRule(
        id=name,
        datastream=stream.id,
        asset=asset,
        condition=rule.condition,
        threshold=threshold,
        priority=rule.priority,
        text=rule.text,
        deadband=rule.deadband / (way or SAME)[0] if in_unit else rule.deadband,
        on_delay_ms=round(rule.on_delay_s * 1000),
        off_delay_ms=round(rule.off_delay_s * 1000),
        latching=rule.latching,
        cause=rule.cause,
        consequence=rule.consequence,
        guidance=rule.guidance,
        respond_within_s=rule.respond_within_s,
        owner=rule.owner or owner,
        is_cause=rule.is_cause,
        combine=rule.combine,
        count=rule.count,
        count_window_ms=round(rule.count_window_s * 1000),
        rate_window_ms=round(rule.rate_window_s * 1000),
        realarm_ms=round(rule.realarm_s * 1000),
        action=rule.action,
        justification=rule.justification,
        reviewed_on=rule.reviewed_on,
        reviewed_by=rule.reviewed_by,
        unless=name.replace(f".{rule.id}", f".{rule.unless}", 1) if rule.unless else "",
    )


def _threshold(
    rule: Rule | When, kind: Kind, stream: Datastream, way: tuple[float, float] | None
) -> float | None:
    """In the datastream's own unit. `way`: (scale, offset) from that to the kind's; None when
    nobody knows it.
    """
    given = rule.threshold
    if isinstance(given, str):
        if rule.condition is Condition.EQUALS:
            return float(stream.states.index(given)) if given in stream.states else None
        own: float | None = getattr(stream.limits, given)
        if own is not None or way is None:
            return own
        default: float | None = getattr(kind.limits.scaled(*way), given)
        return default
    if rule.condition not in _WITH_UNIT:
        return float(given)
    if way is None:
        return None
    scale, offset = way
    return float(given) / scale if rule.condition is Condition.RATE else (given - offset) / scale


def kind_table(plugins: Iterable[Plugin]) -> dict[str, Kind]:
    """Every kind of these plugins by its name; the first plugin that names a kind defines it."""
    table: dict[str, Kind] = {}
    for plugin in plugins:
        for name, kind in plugin.catalogue.kinds().items():
            table.setdefault(name, kind)
    return table


def plausible(kinds: Mapping[str, Kind], streams: Iterable[Datastream]) -> Ranges:
    """Plausible (low, high) by kind and unit of these datastreams, in that unit.

    A unit nobody knows has none: a number whose meaning is not known is not implausible.
    """
    found: Ranges = {}
    for stream in streams:
        key = (stream.kind, stream.unit)
        kind = kinds.get(stream.kind)
        if kind is None or key in found:
            continue
        way = kind.conversion(stream.unit)
        if way is not None:
            wide = LimitValues(low=kind.plausible_low, high=kind.plausible_high).scaled(*way)
            if (wide.low, wide.high) != (None, None):
                found[key] = (wide.low, wide.high)
    return found


def described(stream: Datastream, kinds: dict[str, Kind]) -> Datastream:
    """The datastream with what its kind knows and it does not say itself: unit, limits, states."""
    kind = kinds.get(stream.kind)
    if kind is None:
        return stream
    way = kind.conversion(stream.unit)
    limits = stream.limits
    if limits == Limits() and way is not None:
        limits = kind.limits.scaled(*way)
    return msgspec.structs.replace(
        stream,
        unit=stream.unit or kind.unit,
        limits=limits,
        states=stream.states or kind.states,
    )
