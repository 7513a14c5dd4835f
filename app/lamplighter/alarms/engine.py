"""The alarm engine: compiled rules, each alarm's life, and folding, as values in and facts out.

What sets alarms aside by design stands in `quieting`, the table of states in `lifecycle`.

It reads no clock, no file and no graph of its own. The same batches give the same facts, so a
restart that folds a batch again writes nothing twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from lamplighter.alarms.compiled import CompiledRules
from lamplighter.alarms.folding import fold, folded_under
from lamplighter.alarms.lifecycle import HELD, AlarmInput, transition
from lamplighter.alarms.lives import AlarmLives, words_of
from lamplighter.alarms.quieting import Quiet, Quieting
from lamplighter.domain.alarm import (
    AlarmEvent,
    AlarmRecord,
    AlarmRule,
    AlarmState,
    Condition,
    Incident,
)
from lamplighter.domain.newest_block import NewestValues
from lamplighter.domain.ports import Topology

RULE_GONE: Final = "its rule is switched off"
ENDED: Final = "what suppressed it has ended"
_ASKING: Final = frozenset({AlarmState.UNACK, AlarmState.ACKED})
_NEVER: Final = 2**62
_MANY: Final = 500
_FOLD_EVERY_MS: Final = 1_000
"""with many alarms folding waits this long, so that a flood is not folded ten times a second"""
FUTURE_MS: Final = 300_000
"""a value stamped further ahead than this does not say when its alarm began"""


class AlarmEngine(AlarmLives):
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
        super().__init__(restored)
        self._incidents = fold(self._records.values(), topology, name_of)
        self._timer_ms = _NEVER
        self._folded_ms = 0
        self._quieting = Quieting(())
        self._texts: dict[str, str] = {}
        """what the program says of its own alarms"""
        self.replace_rules(rules)

    # ------------------------------------------------------------ what stands now
    @property
    def rules(self) -> tuple[AlarmRule, ...]:
        return self._rules

    def has_rule(self, key: str) -> bool:
        """Whether a rule stands behind this key."""
        return key in self._index

    def incidents(self) -> list[Incident]:
        """Open incidents as of the last step or action."""
        return list(self._incidents)

    # ------------------------------------------------------------ changes of the city
    def replace_rules(self, rules: Sequence[AlarmRule]) -> None:
        """New rules; an alarm whose rule is still there keeps its life.

        An alarm whose rule is gone is set out of service at the next step, and comes back with
        its rule. Raises ValueError when two rules have the same id on the same asset.
        """
        index = {f"{r.id}@{r.asset}": i for i, r in enumerate(rules)}
        if len(index) != len(rules):
            raise ValueError("two rules have the same id on the same asset")
        self._compile(rules)
        self._rules, self._index = tuple(rules), index
        self._rules_due = True

    def replace_quiets(self, quiets: Iterable[Quiet]) -> None:
        """New planned works and suppressions; what they no longer cover comes back at the next
        step.
        """
        self._quieting = Quieting(quiets)
        self._quiets_due = True
        self._compile(self._rules)

    def _compile(self, rules: Sequence[AlarmRule]) -> None:
        """The rules, and behind them those that judge the terms of quiets."""
        old: CompiledRules | None = getattr(self, "_compiled", None)
        compiled = CompiledRules([*rules, *self._quieting.hidden_rules()])
        for row, rule in enumerate(rules):
            record = self._records.get(f"{rule.id}@{rule.asset}")
            if record is not None:
                compiled.restore(row, record.active)
        if old is not None:
            compiled.take_over(old)
        self._compiled = compiled

    def tell(self, key: str, holds: bool, text: str = "") -> None:
        """What the program itself says of a rule with the condition TOLD; judged at the next
        step. `text` stands for the rule's own. A key without a rule is passed over.
        """
        row = self._index.get(key)
        if row is not None:
            self._compiled.tell(row, holds)
            if text:
                self._texts[key] = text

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
        silent: npt.NDArray[np.bool_] | None = None,
    ) -> list[AlarmEvent]:
        """Facts that follow from the newest values; empty when nothing changed.

        `now_ms` is the batch's wall time (or the tick's), `stale` the mask by datastream id;
        `silent`: those whose source or feed is silent as a whole, which has an alarm of its own.
        Call it after each batch and at least once a second, so that delays, stale rules and
        shelving times run on without data.
        """
        events = self._follow_rules(batch, now_ms) if self._rules_due else []
        due = self._compiled.judge(now_ms, newest, stale, silent).tolist()
        # What is over is over before a shelving or a suppression ends: it must not ring once more.
        for row in due:
            if not self._compiled.active[row]:
                events += self._judged(row, batch, now_ms, newest)
        events += self._run_timers(batch, now_ms)
        events += self._follow_quiets(batch, now_ms)
        for row in due:
            if self._compiled.active[row]:
                events += self._judged(row, batch, now_ms, newest)
        return self._with_folding(events, batch, now_ms)

    def _judged(self, row: int, batch: int, now_ms: int, newest: NewestValues) -> list[AlarmEvent]:
        if row >= len(self._rules):
            return []  # a quiet's terms: already followed
        rule = self._rules[row]
        active = bool(self._compiled.active[row])
        before = self._records.get(f"{rule.id}@{rule.asset}")
        if active == (before is not None and before.active):
            return []
        since = int(self._compiled.pending_time_ms[row])
        if since > now_ms + FUTURE_MS:
            since = now_ms  # a device whose clock is ahead: it began when we knew
        before = before or self._new_record(rule, since, now_ms)
        events = self._suppress(before, batch, now_ms) if active else []
        before = events[-1].record if events else before
        event = AlarmInput.RAISE if active else AlarmInput.CLEAR
        after = transition(before.state, event, active=active, latching=rule.latches)
        if after is None:
            return events
        known = 0 <= rule.datastream < len(newest)
        value = float(newest.value[rule.datastream]) if known else np.nan
        record = msgspec.structs.replace(
            before,
            state=after,
            active=active,
            changed_ms=now_ms,
            since_ms=since if active else before.since_ms,
            value=value if np.isfinite(value) else None,
            **self._begun(rule, after, now_ms) if active else {},
        )
        word = "raised" if active else "cleared"
        return [*events, self._keep(word, before.state, record, batch, now_ms)]

    def _begun(self, rule: AlarmRule, after: AlarmState, now_ms: int) -> dict[str, Any]:
        """What a new occurrence starts with."""
        return {
            "acked_by": "",
            "acked_ms": 0,
            "unacked_ms": now_ms if after is AlarmState.UNACK else 0,
            "people": self._topology.people_behind(rule.asset),
            "steps": rule.checklist,
            "text": self._texts.get(f"{rule.id}@{rule.asset}", rule.text),
        }

    def _follow_rules(self, batch: int, now_ms: int) -> list[AlarmEvent]:
        """Alarms without a rule go out of service; those whose rule came back return; a rule that
        was changed changes its alarm, and one that became more urgent rings again.
        """
        self._rules_due = False
        self._timers_due = True  # they may ring again after another time
        events: list[AlarmEvent | None] = []
        for key, record in list(self._records.items()):
            row = self._index.get(key)
            out = record.state is AlarmState.OUT_OF_SERVICE
            if row is None:
                if not out:
                    events.append(
                        self._apply(
                            record, AlarmInput.DISABLE, "disabled", batch, now_ms, reason=RULE_GONE
                        )
                    )
                continue
            events += self._reworded(record, self._rules[row], batch, now_ms)
            record = self._records[key]
            if out and record.reason == RULE_GONE:
                self._quiets_due = True
                events.append(
                    self._apply(
                        record, AlarmInput.ENABLE, "enabled", batch, now_ms, reason=RULE_GONE
                    )
                )
        return [e for e in events if e is not None]

    def _reworded(
        self, record: AlarmRecord, rule: AlarmRule, batch: int, now_ms: int
    ) -> list[AlarmEvent]:
        words = words_of(rule)
        if rule.condition is Condition.TOLD:
            del words["text"]
        changed = {k: v for k, v in words.items() if getattr(record, k) != v}
        if not changed:
            return []
        note = ""
        if "priority" in changed:
            note = f"priority {record.priority} became {rule.priority}"
        new = msgspec.structs.replace(record, changed_ms=now_ms, **changed)
        events = [self._keep("changed", record.state, new, batch, now_ms, note=note)]
        if rule.priority < record.priority:
            again = self._apply(
                new, AlarmInput.REALARM, "realarmed", batch, now_ms, note="more urgent"
            )
            events += [again] if again is not None else []
            self._quiets_due = True
        return events

    # ------------------------------------------------------------ by time and by design
    def _run_timers(self, batch: int, now_ms: int) -> list[AlarmEvent]:
        """Shelving that ends, and acknowledged alarms that ring again."""
        if self._timers_due:
            self._timers_due = False
            times = (self._due_ms(r) for r in self._records.values())
            self._timer_ms = min(times, default=_NEVER)
        if now_ms < self._timer_ms:
            return []
        self._timers_due = True
        events = []
        for record in [r for r in self._records.values() if self._due_ms(r) <= now_ms]:
            if record.state is AlarmState.SHELVED:
                event, word, why = AlarmInput.UNSHELVE, "unshelved", "time over"
            else:
                event, word, why = AlarmInput.REALARM, "realarmed", "it still holds"
            events.append(self._apply(record, event, word, batch, now_ms, note=why))
            self._quiets_due = True
        return [e for e in events if e is not None]

    def _due_ms(self, record: AlarmRecord) -> int:
        if record.state is AlarmState.SHELVED:
            return record.shelved_until_ms
        if record.state is AlarmState.ACKED and record.acked_ms:
            row = self._index.get(record.key)
            again = self._rules[row].realarm_ms if row is not None else 0
            return record.acked_ms + again if again else _NEVER
        return _NEVER

    def _follow_quiets(self, batch: int, now_ms: int) -> list[AlarmEvent]:
        """Suppress what is covered now, and bring back what no longer is."""
        first = len(self._rules)
        hidden = self._compiled.rules[first:]
        holding = {r.id for r, on in zip(hidden, self._compiled.active[first:], strict=True) if on}
        if not self._quieting.turn(now_ms, holding) and not self._quiets_due:
            return []
        self._quiets_due = False
        events: list[AlarmEvent] = []
        for record in list(self._records.values()):
            if record.state is AlarmState.SUPPRESSED and record.aside_by:
                quiet = self._quieting.over(record)
                if quiet is None:
                    back = self._apply(
                        record, AlarmInput.UNSUPPRESS, "unsuppressed", batch, now_ms, note=ENDED
                    )
                    events += [back] if back is not None else []
            elif record.active and record.state in _ASKING:
                events += self._suppress(record, batch, now_ms)
        return events

    def _suppress(self, record: AlarmRecord, batch: int, now_ms: int) -> list[AlarmEvent]:
        """Suppress one alarm where something covers it and its state allows it."""
        quiet = self._quieting.over(record)
        if quiet is None or record.state in HELD:
            return []
        fact = self._apply(
            record, AlarmInput.SUPPRESS, "suppressed", batch, now_ms, reason=quiet.text, by=quiet.id
        )
        return [fact] if fact is not None else []

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
