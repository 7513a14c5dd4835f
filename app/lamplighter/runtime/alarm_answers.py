"""Answers about alarms, and what operators do with them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from lamplighter.alarms.grouping import grouped
from lamplighter.domain import wire
from lamplighter.domain.alarm import AlarmRecord
from lamplighter.governance.roles import Permission
from lamplighter.runtime import alarm_edits, alarm_journal
from lamplighter.runtime.answering import Answering, Table
from lamplighter.runtime.history_answers import moment

if TYPE_CHECKING:
    from lamplighter.runtime.recorder import Recorder

STORED_S: Final = 5.0
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
        return {
            wire.GetAlarms: self._alarms,
            wire.AlarmAction: self._alarm_action,
            wire.TickStep: self._tick,
            wire.GetAlarmGroups: self._groups,
            wire.GetAnnunciator: lambda _: wire.AnnunciatorState(self._recorder.core.horn.state),
            wire.SilenceHorn: self._silence,
            wire.GetAlarmJournal: self._journal,
            wire.WriteAlarmJournal: self._write_journal,
            wire.GetAlarmKpis: self._kpis,
        }

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
        before, done = self._on_beat(lambda: _acted(recorder, ask))
        who = recorder.identity
        alarm_edits.note(
            recorder.edits,
            ask.action,
            [r for r in before if r.key in set(done)],
            until_ms=ask.until_ms,
            who=who.user,
            reason=ask.reason or ask.note,
        )
        recorder.audit.record_many(
            done,
            actor=who.user,
            role=who.role.value,
            action=f"alarm {ask.action}",
            reason=ask.reason or ask.note,
        )
        left = len(set(ask.keys)) - len(done)
        text = f"{len(done)} alarms" + (f", {left} left out" if left else "")
        # whoever reads the answer may rely on it, even when the power goes now
        stored = recorder.store.writer.settled(STORED_S)
        return wire.Ok(text if stored else f"{text}; not on disk yet")

    def _tick(self, ask: wire.TickStep) -> wire.Reply:
        self._need(Permission.ACKNOWLEDGE, ask.key)
        recorder = self._recorder
        who = recorder.identity.user

        def tick() -> str:
            events = recorder.core.alarms.tick(
                ask.key,
                ask.step,
                ask.done,
                actor=who,
                batch=recorder.core.batch(),
                now_ms=recorder.clock.wall_ms(),
            )
            recorder.core.tell_alarms(events, by=who, action="tick")
            return events[0].note if events else ""

        text = self._on_beat(tick)
        if text:
            self._audit("tick step" if ask.done else "untick step", ask.key, text)
        return wire.Ok(text)

    def _groups(self, ask: wire.GetAlarmGroups) -> wire.Reply:
        core = self._recorder.core
        records = self._on_beat(core.alarms.records)
        city = core.city

        def domain(asset: str) -> str:
            known = city.assets.get(asset)
            return known.domain if known is not None else ""

        def area(asset: str) -> str:
            known = city.assets.get(asset)
            return (known.parent or known.type) if known is not None else asset

        most = max(ask.most, 5)
        return wire.AlarmGroups(tuple(grouped(records, area_of=area, domain_of=domain, most=most)))

    def _silence(self, _: wire.SilenceHorn) -> wire.Reply:
        self._need(Permission.ACKNOWLEDGE, "the horn")
        recorder = self._recorder

        def silence() -> bool:
            horn = recorder.core.horn
            silenced = horn.silence(recorder.identity.user, recorder.clock.wall_ms())
            if silenced:
                recorder.core.tell_horn()
            return silenced

        if self._on_beat(silence):
            self._audit("silence horn", "all consoles")
        return wire.Ok()

    def _journal(self, ask: wire.GetAlarmJournal) -> wire.Reply:
        events, left = alarm_journal.newest(self._recorder.store, ask.filter, ask.limit)
        return wire.AlarmJournal(tuple(events), left)

    def _write_journal(self, ask: wire.WriteAlarmJournal) -> wire.Reply:
        self._need(Permission.VIEW, ask.path)
        count = alarm_journal.write(self._recorder.store, Path(ask.path), ask.filter)
        self._audit("write alarm journal", ask.path, f"{count} entries")
        return wire.Ok(f"{count} entries")

    def _kpis(self, ask: wire.GetAlarmKpis) -> wire.Reply:
        recorder = self._recorder
        now = recorder.clock.wall_ms()
        return wire.AlarmKpiReport(
            alarm_journal.figures(recorder.store, ask.from_ms, ask.to_ms, now)
        )


def _acted(recorder: Recorder, ask: wire.AlarmAction) -> tuple[list[AlarmRecord], list[str]]:
    """(the alarms as they were, keys of those it was done to)"""
    engine = recorder.core.alarms
    before = [r for key in dict.fromkeys(ask.keys) if (r := engine.record(key)) is not None]
    return before, act(recorder, ask, recorder.identity.user)


def act(recorder: Recorder, ask: wire.AlarmAction, who: str) -> list[str]:
    """Do what is asked, on the core's thread; keys of the alarms it was done to."""
    events = recorder.core.alarms.act(
        ask.action,
        ask.keys,
        actor=who,
        batch=recorder.core.batch(),
        now_ms=recorder.clock.wall_ms(),
        until_ms=ask.until_ms,
        reason=ask.reason,
        note=ask.note,
        partial=ask.partial,
    )
    recorder.core.tell_alarms(events, by=who, action=ask.action)
    return [e.record.key for e in events if e.event not in alarm_journal.INNER]
