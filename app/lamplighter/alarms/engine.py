"""The alarm engine: compiled rules, each alarm's life, and folding, as values in and facts out.

It reads no clock, no file and no graph of its own. The same batches give the same facts, so a
restart that folds a batch again writes nothing twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from lamplighter.alarms.compiled import CompiledRules
from lamplighter.alarms.folding import fold, folded_under
from lamplighter.alarms.lifecycle import HELD, AlarmInput, transition
from lamplighter.domain.alarm import (
    AlarmEvent,
    AlarmRecord,
    AlarmRule,
    AlarmState,
    Incident,
)
from lamplighter.domain.newest_block import NewestValues
from lamplighter.domain.ports import Topology
from lamplighter.domain.problems import fault

MAX_SHELVE_MS: Final = 24 * 3_600_000
RULE_GONE: Final = "its rule is switched off"
_NEVER: Final = 2**62
_MANY: Final = 500
_FOLD_EVERY_MS: Final = 1_000
"""with many alarms folding waits this long, so that a flood is not folded ten times a second"""
ACTIONS: Final = {
    "ack": (AlarmInput.ACK, "acked"),
    "shelve": (AlarmInput.SHELVE, "shelved"),
    "unshelve": (AlarmInput.UNSHELVE, "unshelved"),
    "suppress": (AlarmInput.SUPPRESS, "suppressed"),
    "unsuppress": (AlarmInput.UNSUPPRESS, "unsuppressed"),
    "disable": (AlarmInput.DISABLE, "disabled"),
    "enable": (AlarmInput.ENABLE, "enabled"),
    "reset": (AlarmInput.RESET, "reset"),
}
"""what a person (or a design rule) may ask for: the event of the table, the word of the fact"""


class AlarmEngine:
    """Judges all rules at once and keeps every alarm's record.

    `restored`: the records as the store has them; an alarm that stood before a restart still
    stands after it, and its return to normal is seen when the first live value says so.
    """

    def __init__(
        self,
        rules: Sequence[AlarmRule],
        topology: Topology,
        restored: Iterable[AlarmRecord] = (),
        name_of: Callable[[str], str] = str,
    ) -> None:
        self._topology = topology
        self._name_of = name_of
        self._records = {r.key: r for r in restored if r.state is not AlarmState.NORM}
        self._incidents = fold(self._records.values(), topology, name_of)
        self._fold_due = bool(self._records)
        self._shelf_ms = _NEVER
        self._folded_ms = 0
        self.replace_rules(rules)
        self._plan_shelf()

    # ------------------------------------------------------------ what stands now
    @property
    def rules(self) -> tuple[AlarmRule, ...]:
        return self._compiled.rules

    def records(self) -> list[AlarmRecord]:
        """Every alarm that is not normal, those set aside included."""
        return list(self._records.values())

    def record(self, key: str) -> AlarmRecord | None:
        return self._records.get(key)

    def incidents(self) -> list[Incident]:
        """Open incidents as of the last step or action."""
        return list(self._incidents)

    # ------------------------------------------------------------ changes of the city
    def replace_rules(self, rules: Sequence[AlarmRule]) -> None:
        """New rules; an alarm whose rule is still there keeps its life.

        An alarm whose rule is gone is set out of service at the next step, and comes back with
        its rule. Raises ValueError when two rules have the same id on the same asset.
        """
        old = getattr(self, "_compiled", None)
        compiled = CompiledRules(rules)
        index = {f"{r.id}@{r.asset}": i for i, r in enumerate(rules)}
        if len(index) != len(rules):
            raise ValueError("two rules have the same id on the same asset")
        self._index = index
        self._rules_due = True
        for key, record in self._records.items():
            row = self._index.get(key)
            if row is not None:
                compiled.active[row] = compiled.condition[row] = record.active
        if old is not None:
            compiled.take_over(old)
        self._compiled = compiled

    def replace_topology(
        self, topology: Topology, name_of: Callable[[str], str] | None = None
    ) -> None:
        """A new dependency graph; incidents are folded anew at the next step."""
        self._topology = topology
        self._name_of = name_of or self._name_of
        self._fold_due = True

    # ------------------------------------------------------------ the process
    def step(
        self,
        batch: int,
        now_ms: int,
        newest: NewestValues,
        stale: npt.NDArray[np.bool_],
    ) -> list[AlarmEvent]:
        """Facts that follow from the newest values; empty when nothing changed.

        `now_ms` is the batch's wall time (or the tick's), `stale` the mask by datastream id.
        Call it after each batch and at least once a second, so that delays, stale rules and
        shelving times run on without data.
        """
        events = self._follow_rules(batch, now_ms) if self._rules_due else []
        events += self._end_shelving(batch, now_ms)
        compiled = self._compiled
        for row in compiled.judge(now_ms, newest, stale).tolist():
            event = self._judged(row, batch, now_ms, newest)
            if event is not None:
                events.append(event)
        return self._with_folding(events, batch, now_ms)

    def _judged(self, row: int, batch: int, now_ms: int, newest: NewestValues) -> AlarmEvent | None:
        rule = self._compiled.rules[row]
        active = bool(self._compiled.active[row])
        key = f"{rule.id}@{rule.asset}"
        record = self._records.get(key)
        if active == (record is not None and record.active):
            return None
        since = int(self._compiled.pending_time_ms[row])
        before = record or self._new_record(rule, since, now_ms)
        event = AlarmInput.RAISE if active else AlarmInput.CLEAR
        after = transition(before.state, event, active=active, latching=rule.latching)
        if after is None:
            return None
        value = float(newest.value[rule.datastream]) if rule.datastream < len(newest) else None
        record = msgspec.structs.replace(
            before,
            state=after,
            active=active,
            changed_ms=now_ms,
            since_ms=since if active else before.since_ms,
            value=value if value is not None and np.isfinite(value) else None,
            acked_by="" if active else before.acked_by,
            people=self._topology.people_behind(rule.asset) if active else before.people,
        )
        return self._keep("raised" if active else "cleared", before.state, record, batch, now_ms)

    def _new_record(self, rule: AlarmRule, since_ms: int, now_ms: int) -> AlarmRecord:
        return AlarmRecord(
            rule=rule.id,
            asset=rule.asset,
            datastream=rule.datastream,
            state=AlarmState.NORM,
            priority=rule.priority,
            text=rule.text,
            active=False,
            since_ms=since_ms,
            changed_ms=now_ms,
            guidance=rule.guidance,
            cause=rule.cause,
            consequence=rule.consequence,
            respond_within_s=rule.respond_within_s,
            is_cause=rule.is_cause,
            latching=rule.latching,
        )

    def _follow_rules(self, batch: int, now_ms: int) -> list[AlarmEvent]:
        """Alarms without a rule go out of service; those whose rule came back return."""
        self._rules_due = False
        events = []
        for key, record in list(self._records.items()):
            gone = key not in self._index
            ours = record.state is AlarmState.OUT_OF_SERVICE and record.reason == RULE_GONE
            if gone and record.state is not AlarmState.OUT_OF_SERVICE:
                event, word = AlarmInput.DISABLE, "disabled"
            elif ours and not gone:
                event, word = AlarmInput.ENABLE, "enabled"
            else:
                continue
            events.append(
                self._apply(record, event, word, batch, now_ms, "system", reason=RULE_GONE)
            )
        return [e for e in events if e is not None]

    def _end_shelving(self, batch: int, now_ms: int) -> list[AlarmEvent]:
        if now_ms < self._shelf_ms:
            return []
        due = [
            r
            for r in self._records.values()
            if r.state is AlarmState.SHELVED and r.shelved_until_ms <= now_ms
        ]
        events = [
            self._apply(r, AlarmInput.UNSHELVE, "unshelved", batch, now_ms, "system", "time over")
            for r in due
        ]
        self._plan_shelf()
        return [e for e in events if e is not None]

    def _plan_shelf(self) -> None:
        times = [
            r.shelved_until_ms for r in self._records.values() if r.state is AlarmState.SHELVED
        ]
        self._shelf_ms = min(times, default=_NEVER)

    # ------------------------------------------------------------ people
    def act(
        self,
        action: str,
        keys: Iterable[str],
        *,
        actor: str,
        batch: int,
        now_ms: int,
        until_ms: int = 0,
        reason: str = "",
        note: str = "",
    ) -> list[AlarmEvent]:
        """What a person asks for, on one or more alarms, all or none.

        Raises LamplighterError (U-806) when the action is unknown, an alarm is not there or its
        state does not allow it, or when shelving lacks its reason or its end.
        """
        if action not in ACTIONS:
            raise fault("U-806", name=", ".join(keys), what=f"'{action}' is no alarm action")
        event, word = ACTIONS[action]
        chosen = [self._asked(key, event, now_ms) for key in dict.fromkeys(keys)]
        for record in chosen:
            self._check(record, event, now_ms, until_ms, reason)
        facts = [
            self._apply(r, event, word, batch, now_ms, actor, note, reason, until_ms)
            for r in chosen
        ]
        self._plan_shelf()
        return self._with_folding([f for f in facts if f is not None], batch, now_ms)

    def _asked(self, key: str, event: AlarmInput, now_ms: int) -> AlarmRecord:
        record = self._records.get(key)
        if record is not None:
            return record
        row = self._index.get(key)
        if row is None:
            raise fault("U-806", name=key, what="there is no such alarm")
        return self._new_record(self._compiled.rules[row], now_ms, now_ms)

    def _check(
        self, record: AlarmRecord, event: AlarmInput, now_ms: int, until_ms: int, reason: str
    ) -> None:
        what = ""
        if transition(record.state, event, active=record.active) is None:
            what = f"'{event}' is not possible while it is {record.state}"
        elif event is AlarmInput.SUPPRESS and record.priority == 1:
            what = "an alarm of priority 1 is never suppressed"
        elif event in {AlarmInput.SHELVE, AlarmInput.DISABLE, AlarmInput.SUPPRESS} and not reason:
            what = f"'{event}' needs a reason"
        elif event is AlarmInput.SHELVE and not now_ms < until_ms <= now_ms + MAX_SHELVE_MS:
            what = "shelving needs an end within the next 24 hours"
        if what:
            raise fault("U-806", name=record.key, what=what)

    def _apply(
        self,
        record: AlarmRecord,
        event: AlarmInput,
        word: str,
        batch: int,
        now_ms: int,
        actor: str,
        note: str = "",
        reason: str = "",
        until_ms: int = 0,
    ) -> AlarmEvent | None:
        after = transition(record.state, event, active=record.active, latching=record.latching)
        if after is None:
            return None
        acknowledged = event in {AlarmInput.ACK, AlarmInput.RESET}
        changed = msgspec.structs.replace(
            record,
            state=after,
            changed_ms=now_ms,
            acked_by=actor
            if acknowledged
            else ""
            if after is AlarmState.UNACK
            else record.acked_by,
            note=note or record.note,
            reason=reason if after in HELD else "",
            shelved_until_ms=until_ms if after is AlarmState.SHELVED else 0,
        )
        return self._keep(word, record.state, changed, batch, now_ms, actor, note or reason)

    # ------------------------------------------------------------ facts
    def _keep(
        self,
        word: str,
        before: AlarmState,
        record: AlarmRecord,
        batch: int,
        now_ms: int,
        actor: str = "system",
        note: str = "",
    ) -> AlarmEvent:
        self._fold_due = True
        if record.state is AlarmState.NORM:
            self._records.pop(record.key, None)
        else:
            self._records[record.key] = record
        return AlarmEvent(
            rule=record.rule,
            asset=record.asset,
            batch=batch,
            time_ms=now_ms,
            event=word,
            before=before,
            after=record.state,
            record=record,
            actor=actor,
            note=note,
        )

    def _with_folding(self, events: list[AlarmEvent], batch: int, now_ms: int) -> list[AlarmEvent]:
        """Folds anew when anything changed, and adds what moved into or out of an incident."""
        since = now_ms - self._folded_ms
        if not self._fold_due or (len(self._records) > _MANY and 0 <= since < _FOLD_EVERY_MS):
            return events
        self._folded_ms = now_ms
        self._incidents = fold(self._records.values(), self._topology, self._name_of)
        under = folded_under(self._incidents)
        for key, record in list(self._records.items()):
            incident = under.get(key, "")
            if incident == record.incident:
                continue
            word = "folded" if incident else "unfolded"
            changed = msgspec.structs.replace(record, incident=incident)
            events.append(self._keep(word, record.state, changed, batch, now_ms, note=incident))
        self._fold_due = False
        return events
