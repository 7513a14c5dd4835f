"""The project's own rules bound to its datastreams: names become numbers, as for a plugin's rules.

A rule that cannot be bound says why; the others are not affected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from lamplighter.domain.alarm import AlarmRule, Arming, Condition, Step, Term, bare_id
from lamplighter.domain.alarm_design import RuleDefinition, When
from lamplighter.domain.city import Asset, Datastream
from lamplighter.domain.units import conversion

Between = Callable[[str, str, str], tuple[float, float] | None]
"""(kind, unit, other unit) -> (scale, offset), or None when nobody knows"""
PREFIX: Final = "project."
LIMITS: Final = frozenset({"low_low", "low", "high", "high_high"})
SAME: Final = (1.0, 0.0)
_IN_UNIT: Final = frozenset({Condition.ABOVE, Condition.BELOW, Condition.EQUALS, Condition.RATE})
_OWN_VALUE: Final = frozenset(Condition) - {Condition.COMBINED, Condition.TOLD}


class Bound(Struct, frozen=True):
    """`rules`: drafts included (see `arming`); `problems`: by definition id."""

    rules: tuple[AlarmRule, ...]
    problems: dict[str, str]


class _CannotBindError(Exception):
    pass


def full_id(rule: str) -> str:
    """`plugin.rule` as it is; the project's own get their prefix."""
    return rule if "." in rule else PREFIX + rule


def bind(
    definitions: Iterable[tuple[RuleDefinition, Arming]],
    assets: Mapping[str, Asset],
    streams: Sequence[Datastream],
    others: Iterable[AlarmRule] = (),
    between: Between = lambda _, unit, to: conversion(unit, to),
) -> Bound:
    """Each enabled definition on every datastream it names. `others`: the plugins' bound rules,
    which terms may refer to.
    """
    names = _Names(assets, streams, between)
    rules: list[AlarmRule] = []
    problems: dict[str, str] = {}
    kind_of: dict[str, str] = {}
    for definition, arming in definitions:
        if not definition.enabled:
            continue
        kind_of[PREFIX + definition.id] = definition.kind
        try:
            rules += _bound(definition, arming, names)
        except _CannotBindError as error:
            problems[definition.id] = str(error)
    rules = _quieted(rules, others := tuple(others), kind_of)
    known = [*others, *rules]
    problems |= _dangling(rules, known)
    return Bound(tuple(r for r in rules if _own_name(r) not in problems), problems)


def _quieted(
    rules: Sequence[AlarmRule], others: Sequence[AlarmRule], kind_of: Mapping[str, str]
) -> list[AlarmRule]:
    """The rules with the names of those that quiet them: that of the same datastream where there
    is one. A rule of a kind is not quiet for what another sensor of that kind reads.
    """
    named = {(bare_id(r.id), r.datastream): r.id for r in (*others, *rules) if r.datastream >= 0}
    found = []
    for rule in rules:
        kind = kind_of[bare_id(rule.id)]
        name = named.get((rule.unless, rule.datastream))
        if name is None and kind and kind_of.get(rule.unless) == kind:
            name = ""
        found.append(rule if name is None else replace(rule, unless=name))
    return found


class _Names:
    def __init__(
        self, assets: Mapping[str, Asset], streams: Sequence[Datastream], between: Between
    ) -> None:
        self.assets = assets
        self.between = between
        self.streams = sorted(streams, key=lambda s: s.id)
        self._by_key = {s.key: s for s in streams}
        self._by_name: dict[str, list[Datastream]] = {}
        self._by_kind: dict[tuple[str, str], Datastream] = {}
        for stream in self.streams:
            self._by_name.setdefault(stream.name, []).append(stream)
            self._by_kind.setdefault((stream.asset, stream.kind), stream)

    def stream(self, name: str) -> Datastream:
        found = self._by_key.get(name)
        if found is not None:
            return found
        several = self._by_name.get(name, [])
        if len(several) == 1:
            return several[0]
        what = "stands for several datastreams" if several else "is no datastream"
        raise _CannotBindError(f"'{name}' {what}")

    def of_kind(self, asset: str, kind: str) -> Datastream:
        found = self._by_kind.get((asset, kind))
        if found is None:
            raise _CannotBindError(f"{asset or 'the rule'} has no datastream of the kind '{kind}'")
        return found

    def unit_of(self, rule: RuleDefinition) -> str:
        """The unit its numbers are in; empty for the datastream's own. Of a kind that comes in
        several units it is the first one's that the rule is for, as the trial shows it.
        """
        if rule.unit or rule.datastream:
            return rule.unit
        mine = (s for s in self.streams if s.kind == rule.kind and self._type_fits(s, rule))
        return next((s.unit for s in mine if s.unit), "")

    def way(self, unit: str, stream: Datastream) -> tuple[float, float]:
        """(scale, offset) from the rule's unit to the datastream's own."""
        if not unit or not stream.unit or unit == stream.unit:
            return SAME
        found = self.between(stream.kind, unit, stream.unit)
        if found is None:
            raise _CannotBindError(f"{stream.key} is in {stream.unit}, which is no {unit}")
        return found

    def targets(self, rule: RuleDefinition) -> list[Datastream | None]:
        if rule.datastream:
            return [self.stream(rule.datastream)]
        if rule.kind:
            found: list[Datastream | None] = [
                s for s in self.streams if s.kind == rule.kind and self._type_fits(s, rule)
            ]
            if not found:
                raise _CannotBindError(f"there is no datastream of the kind '{rule.kind}'")
            return found
        if rule.condition in _OWN_VALUE:
            raise _CannotBindError("it names neither a datastream nor a kind")
        return [None]

    def _type_fits(self, stream: Datastream, rule: RuleDefinition) -> bool:
        asset = self.assets.get(stream.asset)
        return not rule.asset_types or (asset is not None and asset.type in rule.asset_types)


def _bound(rule: RuleDefinition, arming: Arming, names: _Names) -> list[AlarmRule]:
    found: list[AlarmRule] = []
    taken: set[str] = set()
    names_taken: set[tuple[str, str]] = set()
    many = not rule.datastream
    unit = names.unit_of(rule)
    for stream in names.targets(rule):
        asset = rule.asset or (stream.asset or stream.key if stream is not None else "")
        if not asset:
            raise _CannotBindError("it names no asset whose alarm it is")
        name = PREFIX + rule.id
        if asset in taken and stream is not None:
            name += f"#{stream.name}"
            name = name if (name, asset) not in names_taken else f"{PREFIX}{rule.id}#{stream.key}"
        taken.add(asset)
        names_taken.add((name, asset))
        try:
            terms = tuple(bound_term(w, asset, names) for w in rule.when)
            way = SAME if stream is None else names.way(unit, stream)
            threshold = number(rule.threshold, rule.condition, stream, way)
        except _CannotBindError:
            if many and rule.kind:
                continue  # this one lacks the limit, state or kind; the others may have it
            raise
        deadband = rule.deadband * (way[0] if rule.condition in _IN_UNIT else 1.0)
        found.append(_rule(rule, arming, name, asset, stream, (threshold, deadband), terms))
    if not found:
        raise _CannotBindError("no datastream of its kind has what it compares with")
    return found


def _rule(
    rule: RuleDefinition,
    arming: Arming,
    name: str,
    asset: str,
    stream: Datastream | None,
    numbers: tuple[float, float],
    terms: tuple[Term, ...],
) -> AlarmRule:
    threshold, deadband = numbers
    return AlarmRule(
        id=name,
        datastream=stream.id if stream is not None else -1,
        asset=asset,
        condition=rule.condition,
        threshold=threshold,
        priority=rule.priority,
        text=rule.text,
        deadband=deadband,
        on_delay_ms=round(rule.on_delay_s * 1000),
        off_delay_ms=round(rule.off_delay_s * 1000),
        latching=rule.latching,
        cause=rule.cause,
        consequence=rule.consequence,
        guidance=rule.guidance,
        respond_within_s=rule.respond_within_s,
        owner=rule.owner,
        is_cause=rule.is_cause,
        unless=full_id(rule.unless) if rule.unless else "",
        combine=rule.combine,
        terms=terms,
        count=rule.count,
        count_window_ms=round(rule.count_window_s * 1000),
        rate_window_ms=round(rule.rate_window_s * 1000),
        realarm_ms=round(rule.realarm_s * 1000),
        checklist=tuple(Step(s.text, s.required) for s in rule.checklist),
        action=rule.action,
        justification=rule.justification,
        reviewed_on=rule.reviewed_on,
        reviewed_by=rule.reviewed_by,
        arming=arming,
    )


def bound_term(when: When, asset: str, names: _Names) -> Term:
    """A part of a condition in numbers."""
    if when.rule:
        return Term(rule=full_id(when.rule), asset=when.asset, negate=when.negate)
    if when.datastream:
        stream = names.stream(when.datastream)
    else:
        stream = names.of_kind(when.asset or asset, when.kind)
    way = names.way(when.unit, stream)
    value = number(when.threshold, when.condition, stream, way)
    deadband = when.deadband * (way[0] if when.condition in _IN_UNIT else 1.0)
    return Term(stream.id, when.condition, value, deadband, negate=when.negate)


def bound_terms(
    parts: Iterable[When], assets: Mapping[str, Asset], streams: Sequence[Datastream]
) -> tuple[Term, ...]:
    """The terms of a suppression. Raises ValueError with the reason when one names nothing."""
    names = _Names(assets, streams, lambda _, unit, to: conversion(unit, to))
    try:
        return tuple(bound_term(w, w.asset, names) for w in parts)
    except _CannotBindError as error:
        raise ValueError(str(error)) from None


def number(
    given: float | str,
    condition: Condition,
    stream: Datastream | None,
    way: tuple[float, float] = SAME,
) -> float:
    """A threshold in the datastream's own unit, which `way` leads to from the rule's unit; or the
    name of a limit, or a state.
    """
    if stream is None:
        return 0.0
    if not isinstance(given, str):
        if condition not in _IN_UNIT or (condition is Condition.EQUALS and stream.states):
            return float(given)
        return given * way[0] + (0.0 if condition is Condition.RATE else way[1])
    if condition is Condition.EQUALS:
        if given in stream.states:
            return float(stream.states.index(given))
        raise _CannotBindError(f"{stream.key} has no state '{given}'")
    value = getattr(stream.limits, given, None) if given in LIMITS else None
    if value is None:
        raise _CannotBindError(f"{stream.key} has no limit '{given}'")
    return float(value)


def _own_name(rule: AlarmRule) -> str:
    return bare_id(rule.id).removeprefix(PREFIX)


def _dangling(rules: Sequence[AlarmRule], known: Sequence[AlarmRule]) -> dict[str, str]:
    """Rules that refer to what does not exist, or to themselves in a circle."""
    there = {(r.id, r.asset): r for r in known}
    problems: dict[str, str] = {}

    def below(rule: AlarmRule) -> list[AlarmRule]:
        found = [there.get((t.rule, t.asset or rule.asset)) for t in rule.terms if t.rule]
        found.append(there.get((rule.unless, rule.asset)) if rule.unless else None)
        return [r for r in found if r is not None]

    for rule in rules:
        for term in rule.terms:
            if term.rule and (term.rule, term.asset or rule.asset) not in there:
                problems[_own_name(rule)] = f"there is no rule '{term.rule}' on its asset"
        seen: set[tuple[str, str]] = set()
        waiting = below(rule)
        while waiting:
            one = waiting.pop()
            if (one.id, one.asset) == (rule.id, rule.asset):
                problems[_own_name(rule)] = "it refers to itself in a circle"
                break
            if (one.id, one.asset) not in seen:
                seen.add((one.id, one.asset))
                waiting += below(one)
    return problems
