"""Answers about alarms, and what operators do with them."""

from __future__ import annotations

from typing import Final

from lamplighter.domain import wire
from lamplighter.governance.roles import Permission
from lamplighter.runtime.answering import Answering, Table
from lamplighter.runtime.history_answers import moment

ALARM_RIGHTS: Final = {
    "ack": Permission.ACKNOWLEDGE,
    "reset": Permission.ACKNOWLEDGE,
    "shelve": Permission.SHELVE,
    "unshelve": Permission.SHELVE,
    "disable": Permission.DISABLE,
    "enable": Permission.DISABLE,
}


class AlarmAnswers(Answering):
    def table(self) -> Table:
        return {wire.GetAlarms: self._alarms, wire.AlarmAction: self._alarm_action}

    def _alarms(self, ask: wire.GetAlarms) -> wire.Alarms:
        if ask.at_ms is not None:
            then = moment(self._recorder.store, wire.GetMoment(ask.at_ms))
            return wire.Alarms(then.alarms, then.incidents)
        engine = self._recorder.core.alarms
        return self._on_beat(
            lambda: wire.Alarms(tuple(engine.records()), tuple(engine.incidents()))
        )

    def _alarm_action(self, ask: wire.AlarmAction) -> wire.Reply:
        recorder = self._recorder
        self._need(ALARM_RIGHTS.get(ask.action, Permission.DISABLE), ", ".join(ask.keys[:3]))
        who = recorder.identity

        def act() -> int:
            events = recorder.core.alarms.act(
                ask.action,
                ask.keys,
                actor=who.user,
                batch=recorder.core.batch(),
                now_ms=recorder.clock.wall_ms(),
                until_ms=ask.until_ms,
                reason=ask.reason,
                note=ask.note,
            )
            recorder.core.tell_alarms(events)
            return len(events)

        count = self._on_beat(act)
        for key in ask.keys:
            self._audit(f"alarm {ask.action}", key, ask.reason or ask.note)
        return wire.Ok(f"{count} alarms")
