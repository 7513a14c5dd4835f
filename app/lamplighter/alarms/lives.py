"""Every alarm's record and what may be done to it: the table of states applied, as facts.

The engine adds what the process, the clock and the design do; here is what people do, and the one
place where a record changes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from lamplighter.alarms.lifecycle import HELD, AlarmInput, transition
from lamplighter.domain.alarm import AlarmEvent, AlarmRecord, AlarmRule, AlarmState
from lamplighter.domain.problems import fault

MAX_SHELVE_MS: Final = 24 * 3_600_000
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


class AlarmLives:
    """Records by key. `_rules` and `_index` (key -> row) are the engine's."""

    _rules: tuple[AlarmRule, ...] = ()
    _index: dict[str, int]

    def __init__(self, restored: Iterable[AlarmRecord]) -> None:
        self._records = {r.key: r for r in restored if r.state is not AlarmState.NORM}
        self._fold_due = bool(self._records)
        self._timers_due = True
        self._quiets_due = True

    def records(self) -> list[AlarmRecord]:
        """Every alarm that is not normal, those set aside included."""
        return list(self._records.values())

    def record(self, key: str) -> AlarmRecord | None:
        return self._records.get(key)

    def _with_folding(self, events: list[AlarmEvent], batch: int, now_ms: int) -> list[AlarmEvent]:
        raise NotImplementedError

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
        partial: bool = False,
    ) -> list[AlarmEvent]:
        """What a person asks for, on one or more alarms, all or none.

        `partial` leaves out those whose state does not allow it any more. Raises LamplighterError
        (U-806) when the action is unknown, an alarm is not there or its state does not allow it,
        or when shelving lacks its reason or its end.
        """
        if action not in ACTIONS:
            raise fault("U-806", name=", ".join(keys), what=f"'{action}' is no alarm action")
        event, word = ACTIONS[action]
        wanted = list(dict.fromkeys(keys))
        if partial:
            wanted = [k for k in wanted if self._allows(k, event)]
        chosen = [self._asked(key, now_ms) for key in wanted]
        for record in chosen:
            self._check(record, event, now_ms, until_ms, reason)
        facts = [
            self._apply(r, event, word, batch, now_ms, actor, note, reason, until_ms)
            for r in chosen
        ]
        events = [f for f in facts if f is not None]
        if event in {AlarmInput.UNSHELVE, AlarmInput.UNSUPPRESS, AlarmInput.ENABLE}:
            self._quiets_due = True
        return self._with_folding(events, batch, now_ms)

    def tick(
        self, key: str, step: int, done: bool, *, actor: str, batch: int, now_ms: int
    ) -> list[AlarmEvent]:
        """Tick a step of an alarm's checklist, or take the tick back.

        Raises LamplighterError (U-806) when there is no such alarm or step.
        """
        record = self._records.get(key)
        if record is None or not 0 <= step < len(record.steps):
            raise fault("U-806", name=key, what="it has no such step to tick")
        old = record.steps[step]
        if bool(old.done_by) == done:
            return []
        new = msgspec.structs.replace(
            old, done_by=actor if done else "", done_ms=now_ms if done else 0
        )
        steps = (*record.steps[:step], new, *record.steps[step + 1 :])
        changed = msgspec.structs.replace(record, steps=steps)
        word = "ticked" if done else "unticked"
        return [self._keep(word, record.state, changed, batch, now_ms, actor, old.text)]

    def _allows(self, key: str, event: AlarmInput) -> bool:
        record = self._records.get(key)
        if record is None:
            return False
        return transition(record.state, event, seen=bool(record.acked_ms)) is not None

    def _asked(self, key: str, now_ms: int) -> AlarmRecord:
        record = self._records.get(key)
        if record is not None:
            return record
        row = self._index.get(key)
        if row is None:
            raise fault("U-809", what="alarm", name=key, lists="alarms")
        return self._new_record(self._rules[row], now_ms, now_ms)

    def _check(
        self, record: AlarmRecord, event: AlarmInput, now_ms: int, until_ms: int, reason: str
    ) -> None:
        what = ""
        seen = bool(record.acked_ms)
        if transition(record.state, event, active=record.active, seen=seen) is None:
            what = f"'{event}' is not possible while it is {record.state}"
            if (record.state, event) == (AlarmState.LATCHED, AlarmInput.RESET):
                what = "nobody has acknowledged it; acknowledge it first, then reset it"
        elif event is AlarmInput.SUPPRESS and record.priority == 1:
            what = "an alarm of priority 1 is never suppressed"
        elif event in {AlarmInput.SHELVE, AlarmInput.DISABLE, AlarmInput.SUPPRESS} and not reason:
            what = f"'{event}' needs a reason"
        elif event is AlarmInput.RESET and record.open_steps:
            what = f"its checklist is open: {'; '.join(record.open_steps)}"
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
        actor: str = "system",
        note: str = "",
        reason: str = "",
        until_ms: int = 0,
        by: str = "",
    ) -> AlarmEvent | None:
        after = transition(
            record.state, event, active=record.active, latching=record.latching,
            seen=bool(record.acked_ms),
        )  # fmt: skip
        if after is None:
            return None
        if after is AlarmState.NORM and record.open_steps:
            after = AlarmState.LATCHED  # no way round the checklist leads to normal
        held = after in HELD
        changed = msgspec.structs.replace(
            record,
            state=after,
            changed_ms=now_ms,
            note=note if actor != "system" and note else record.note,
            reason=reason if held else "",
            aside_by=by if held else "",
            shelved_until_ms=until_ms if after is AlarmState.SHELVED else 0,
            **_seen(record, event, after, actor, now_ms),
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
        self._timers_due |= record.state in {AlarmState.SHELVED, AlarmState.ACKED}
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

    def _new_record(self, rule: AlarmRule, since_ms: int, now_ms: int) -> AlarmRecord:
        return AlarmRecord(
            rule=rule.id,
            asset=rule.asset,
            datastream=rule.datastream,
            state=AlarmState.NORM,
            active=False,
            since_ms=since_ms,
            changed_ms=now_ms,
            **words_of(rule),
        )


def words_of(rule: AlarmRule) -> dict[str, Any]:
    """What an alarm takes from its rule, and follows when the rule is changed."""
    return {
        "priority": rule.priority,
        "text": rule.text,
        "guidance": rule.guidance,
        "cause": rule.cause,
        "consequence": rule.consequence,
        "respond_within_s": rule.respond_within_s,
        "is_cause": rule.is_cause,
        "latching": rule.latches,
        "action": rule.action,
        "owner": rule.owner,
    }


def _seen(
    record: AlarmRecord, event: AlarmInput, after: AlarmState, actor: str, now_ms: int
) -> dict[str, Any]:
    """Who saw it and since when it asks to be seen."""
    if event in {AlarmInput.ACK, AlarmInput.RESET}:
        return {"acked_by": actor, "acked_ms": now_ms, "unacked_ms": 0}
    if after is AlarmState.UNACK:
        return {"acked_by": "", "acked_ms": 0, "unacked_ms": now_ms}
    return {"unacked_ms": 0} if after in HELD else {}
