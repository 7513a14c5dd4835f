"""What an engineer decided about alarms, kept as settings of the project, and bound to its city.

A project's rule raises alarms only with grounds: a trial on the past or a signed waiver. The
signature covers the rule's own words, so a rule that was changed is a draft again.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from lamplighter.alarms.binding import Bound, bind, bound_terms, full_id
from lamplighter.alarms.quieting import Quiet
from lamplighter.domain.alarm import AlarmRule, Arming, bare_id
from lamplighter.domain.alarm_design import (
    Escalation,
    Grounds,
    PlannedWork,
    RuleDefinition,
    RuleView,
    StoredRule,
    Suppression,
    Way,
)
from lamplighter.domain.city import Asset, Datastream
from lamplighter.domain.clock import iso
from lamplighter.governance.keys import PUBLIC
from lamplighter.store import Store

if TYPE_CHECKING:
    from lamplighter.runtime.plugins import LoadedPlugins
    from lamplighter.twin import DependencyGraph

RULE: Final = "alarm.rule."
OFF: Final = "alarm.off."
SUPPRESSION: Final = "alarm.suppression."
WORK: Final = "alarm.works."
WAY: Final = "alarm.way."
ESCALATIONS: Final = "alarm.escalations"
EARTH_M: Final = 6_371_008.8
T = TypeVar("T")


class Design(msgspec.Struct, frozen=True):
    """Everything of it, as it is stored."""

    rules: tuple[StoredRule, ...] = ()
    off: frozenset[str] = frozenset()
    """ids of rules that are switched off"""
    suppressions: tuple[Suppression, ...] = ()
    works: tuple[PlannedWork, ...] = ()
    ways: tuple[Way, ...] = ()
    escalations: tuple[Escalation, ...] = ()


def stored_design(store: Store) -> Design:
    """What the project has; an entry that cannot be read is passed over."""
    return Design(
        rules=tuple(_all(store, RULE, StoredRule)),
        off=frozenset(k.removeprefix(OFF) for k in store.settings(OFF)),
        suppressions=tuple(_all(store, SUPPRESSION, Suppression)),
        works=tuple(sorted(_all(store, WORK, PlannedWork), key=lambda w: (w.from_ms, w.id))),
        ways=tuple(_all(store, WAY, Way)),
        escalations=escalations(store),
    )


def _all(store: Store, prefix: str, type_: type[T]) -> list[T]:
    found = []
    for _, text in sorted(store.settings(prefix).items()):
        try:
            found.append(msgspec.json.decode(text, type=type_))
        except (msgspec.MsgspecError, ValueError):
            continue
    return found


def escalations(store: Store) -> tuple[Escalation, ...]:
    text = store.setting(ESCALATIONS)
    try:
        return msgspec.json.decode(text, type=tuple[Escalation, ...]) if text else ()
    except (msgspec.MsgspecError, ValueError):
        return ()


# ---------------------------------------------------------------------- grounds
def rule_hash(definition: RuleDefinition) -> str:
    """Of what a rule judges and says; whether it is switched on does not matter."""
    from hashlib import blake2b

    body = msgspec.json.encode(msgspec.structs.replace(definition, enabled=True), order="sorted")
    return blake2b(body, digest_size=16).hexdigest()


def sign_grounds(
    definition: RuleDefinition,
    kind: Arming,
    by: str,
    at_ms: int,
    reason: str,
    key: Ed25519PrivateKey,
) -> Grounds:
    """Grounds on which this rule, as it is worded now, may raise alarms."""
    found = Grounds(kind, rule_hash(definition), by, at_ms, reason, "")
    return msgspec.structs.replace(found, signature=key.sign(_signed(definition.id, found)).hex())


def _signed(rule: str, grounds: Grounds) -> bytes:
    words = (rule, grounds.kind.value, grounds.rule_hash, grounds.by, grounds.at_ms, grounds.reason)
    return b"lamplighter rule\0" + msgspec.json.encode(words)


def arming_of(stored: StoredRule, key: Ed25519PublicKey | None) -> Arming:
    """DRAFT unless its grounds are of this wording and bear the project's signature."""
    grounds = stored.grounds
    if grounds is None or key is None or grounds.rule_hash != rule_hash(stored.definition):
        return Arming.DRAFT
    try:
        key.verify(bytes.fromhex(grounds.signature), _signed(stored.definition.id, grounds))
    except (InvalidSignature, ValueError):
        return Arming.DRAFT
    return grounds.kind


def project_key(folder: Path) -> Ed25519PublicKey | None:
    """The public half of the project's key; None while it has none."""
    try:
        raw = bytes.fromhex((folder / "keys" / PUBLIC).read_text(encoding="ascii").strip())
        return Ed25519PublicKey.from_public_bytes(raw)
    except (OSError, ValueError):
        return None


# ---------------------------------------------------------------------- bound to the city
class BoundDesign(msgspec.Struct, frozen=True):
    """`live`: rules that raise alarms; `every`: drafts and rules switched off as well."""

    live: tuple[AlarmRule, ...]
    every: tuple[AlarmRule, ...]
    problems: dict[str, str]


def bound_design(
    store: Store,
    plugins: LoadedPlugins,
    assets: Sequence[Asset],
    streams: Sequence[Datastream],
    design: Design | None = None,
) -> BoundDesign:
    """Rules of the plugins and of the project on this city's datastreams."""
    design = design or stored_design(store)
    shipped = plugins.rules(assets, streams)
    own = Bound((), {})
    if design.rules:
        key = project_key(store.folder)
        named = {a.id: a for a in assets}
        pairs = [(s.definition, arming_of(s, key)) for s in design.rules]
        own = bind(pairs, named, plugins.described(streams), shipped, plugins.between)
    live = [r for r in shipped if switch_id(r) not in design.off]
    live += [
        r for r in own.rules if r.arming is not Arming.DRAFT and switch_id(r) not in design.off
    ]
    once = {(r.id, r.asset): r for r in reversed(live)}  # the first of two of one name
    live = [r for r in live if once[r.id, r.asset] is r]
    return BoundDesign(tuple(live), (*shipped, *own.rules), own.problems)


def switch_id(rule: AlarmRule) -> str:
    """The id a rule is switched by: without the datastream's name that tells several apart."""
    return bare_id(rule.id)


def quiets(
    design: Design,
    assets: Mapping[str, Asset],
    streams: Sequence[Datastream],
    graph: DependencyGraph,
) -> list[Quiet]:
    """What sets alarms aside by design. A suppression that names what is not there covers
    nothing.
    """
    found = []
    for work in design.works:
        covered = {*work.assets, *_within(work.area, assets.values())}
        text = f"planned works {work.id}: {work.text}, until {iso(work.to_ms)[:16]}Z"
        found.append(
            Quiet(
                f"works:{work.id}",
                text,
                _with_downstream(covered, work.downstream, graph),
                from_ms=work.from_ms,
                to_ms=work.to_ms,
            )
        )
    for one in design.suppressions:
        try:
            terms = bound_terms(one.when, assets, streams)
        except ValueError:
            continue
        covered = set(one.assets)
        found.append(
            Quiet(
                f"design:{one.id}",
                f"suppressed by design: {one.text}",
                _with_downstream(covered, one.downstream, graph),
                one.rules,
                terms=terms,
            )
        )
    return found


def _with_downstream(
    assets: Iterable[str], downstream: bool, graph: DependencyGraph
) -> frozenset[str]:
    found = set(assets)
    if downstream:
        for asset in tuple(found):
            found |= graph.downstream(asset)
    return frozenset(found)


def _within(area: tuple[float, float, float] | None, assets: Iterable[Asset]) -> list[str]:
    if area is None:
        return []
    lon, lat, radius = area
    found = []
    for asset in assets:
        if asset.lon is None or asset.lat is None:
            continue
        north = math.radians(asset.lat - lat)
        east = math.radians(asset.lon - lon) * math.cos(math.radians((asset.lat + lat) / 2))
        if EARTH_M * math.hypot(north, east) <= radius:
            found.append(asset.id)
    return found


# ---------------------------------------------------------------------- shown
def rule_views(design: Design, bound: BoundDesign, key: Ed25519PublicKey | None) -> list[RuleView]:
    """Every rule of the plugins that is bound here, and every one of the project."""
    by_id: dict[str, list[AlarmRule]] = {}
    for rule in bound.every:
        by_id.setdefault(switch_id(rule), []).append(rule)
    views = []
    for stored in design.rules:
        name = full_id(stored.definition.id)
        views.append(_own_view(stored, by_id.pop(name, []), bound.problems, design, key))
    views += [_view(name, rules, design) for name, rules in by_id.items()]
    return sorted(views, key=lambda v: (v.origin != "project", v.id))


def _own_view(
    stored: StoredRule,
    rules: list[AlarmRule],
    problems: Mapping[str, str],
    design: Design,
    key: Ed25519PublicKey | None,
) -> RuleView:
    rule = stored.definition
    name = full_id(rule.id)
    words = {k: getattr(rule, k) for k in _RECORD}
    return RuleView(
        id=name,
        origin="project",
        arming=arming_of(stored, key),
        enabled=rule.enabled and name not in design.off,
        priority=rule.priority,
        condition=rule.condition,
        text=rule.text,
        bound=len(rules),
        assets=tuple(r.asset for r in rules[:100]),
        problem=problems.get(rule.id, ""),
        definition=rule,
        grounds=stored.grounds,
        **words,
    )


def _view(name: str, rules: list[AlarmRule], design: Design) -> RuleView:
    rule = rules[0]
    words: dict[str, Any] = {k: getattr(rule, k) for k in _RECORD}
    return RuleView(
        id=name,
        origin=name.partition(".")[0],
        arming=rule.arming,
        enabled=name not in design.off,
        priority=rule.priority,
        condition=rule.condition,
        text=rule.text,
        bound=len(rules),
        assets=tuple(r.asset for r in rules[:100]),
        **words,
    )


_RECORD: Final = (
    "cause", "consequence", "action", "guidance", "respond_within_s", "justification", "owner",
    "reviewed_on", "reviewed_by",
)  # fmt: skip
