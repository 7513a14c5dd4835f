"""What sets alarms aside by design: planned works, equipment that is off, an asset in maintenance.

A `Quiet` covers assets for a time, or while terms hold. Alarms it covers are suppressed with its
words as the reason; nothing is hidden, and priority 1 is never covered.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from lamplighter.domain.alarm import AlarmRecord, AlarmRule, Condition, Term, bare_id

FOREVER: int = 2**62


class Quiet(Struct, frozen=True):
    """One reason to be quiet. `id` is `works:<id>` or `design:<id>`."""

    id: str
    text: str
    """the reason an operator reads, e.g. `Planned works W-12: new cable`"""
    assets: frozenset[str]
    rules: tuple[str, ...] = ()
    """only these (`plugin.rule`, or the rule's own name); empty for all"""
    from_ms: int = 0
    to_ms: int = FOREVER
    terms: tuple[Term, ...] = ()
    """all must hold; empty: for the whole time"""

    def covers(self, rule: str) -> bool:
        """Whether a rule of a covered asset is meant."""
        bare = bare_id(rule)
        return not self.rules or any(r in (rule, bare, bare.rpartition(".")[2]) for r in self.rules)


class Quieting:
    """Which quiets are in force now, and what they cover."""

    def __init__(self, quiets: Iterable[Quiet]) -> None:
        self.quiets = tuple(quiets)
        self._on: tuple[str, ...] = ()
        self._by_asset: dict[str, list[Quiet]] = {}

    def hidden_rules(self) -> list[AlarmRule]:
        """Rules without an asset that judge the terms; they raise no alarm."""
        return [
            AlarmRule(q.id, -1, "", Condition.COMBINED, 0.0, 4, q.text, terms=q.terms)
            for q in self.quiets
            if q.terms
        ]

    def turn(self, now_ms: int, holding: frozenset[str] | set[str]) -> bool:
        """Take up the time and the ids whose terms hold; says whether anything changed."""
        on = [
            q
            for q in self.quiets
            if q.from_ms <= now_ms < q.to_ms and (not q.terms or q.id in holding)
        ]
        ids = tuple(q.id for q in on)
        if ids == self._on:
            return False
        self._on, self._by_asset = ids, {}
        for quiet in on:
            for asset in quiet.assets:
                self._by_asset.setdefault(asset, []).append(quiet)
        return True

    def over(self, record: AlarmRecord) -> Quiet | None:
        """What covers this alarm now; never one of priority 1."""
        if record.priority == 1:
            return None
        found: Sequence[Quiet] = self._by_asset.get(record.asset, ())
        return next((q for q in found if q.covers(record.rule)), None)
