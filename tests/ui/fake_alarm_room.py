"""What the recorder that is none answers about horn, rules, trials, works, calls and figures."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from msgspec.structs import replace

from lamplighter.domain import wire
from lamplighter.domain.alarm import AlarmEvent, AlarmState, Arming, Condition
from lamplighter.domain.alarm_design import (
    ChecklistStep,
    Escalation,
    Grounds,
    PlannedWork,
    RuleDefinition,
    RuleView,
    Way,
)
from lamplighter.domain.alarm_report import AlarmKpis, Annunciator
from lamplighter.domain.alarm_trial import Firing, Outcome, Step, Trial
from lamplighter.domain.task import Task, TaskState

if TYPE_CHECKING:
    from tests.ui.fake_session import FakeSession

DAY_MS = 86_400_000
DRY_RUN = RuleDefinition(
    "dry-run", "Pressure low while the pump runs", Condition.BELOW, "gw-4/P-17/pressure",
    threshold=2.6, priority=2, deadband=0.2, on_delay_s=5, off_delay_s=10, cause="Suction lost",
    consequence="The pump is damaged within minutes", action="Stop the pump before it runs hot",
    guidance=("Stop the pump", "Check the suction valve"), respond_within_s=300,
    justification="Costly damage, little time", owner="Water works", reviewed_on="2026-11-01",
    reviewed_by="M. Weber", checklist=(ChecklistStep("Suction valve is open"),),
)  # fmt: skip


def view_of(rule: RuleDefinition, grounds: Grounds | None = None) -> RuleView:
    """A project's rule as the recorder lists it."""
    arming = grounds.kind if grounds is not None else Arming.DRAFT
    return RuleView(
        f"project.{rule.id}", "project", arming, rule.enabled, rule.priority, rule.condition,
        rule.text, 1, ("P-17",), "", rule, grounds, rule.cause, rule.consequence, rule.action,
        rule.guidance, rule.respond_within_s, rule.justification, rule.owner, rule.reviewed_on,
        rule.reviewed_by,
    )  # fmt: skip


class AlarmRoom:
    """`reply` is None for what is no question about alarms."""

    def __init__(self, session: FakeSession) -> None:
        self._session = session
        self.horn = Annunciator()
        self.design = wire.AlarmDesign(
            (), (), (Way("crew-mail", "email", "mail.example.org", to=("crew@example.org",)),
                     Way("pager", "program", program=("/usr/local/bin/page",))),
            (Escalation(("crew-mail", "pager")),),
        )  # fmt: skip
        self.rules: dict[str, RuleView] = {
            "water.pressure-low": RuleView(
                "water.pressure-low", "water", Arming.ARMED, True, 3, Condition.BELOW,
                "Low pressure", 340, ("P-17", "J-20"), cause="Leak or closed valve",
                consequence="Taps run dry", action="Find the leak", owner="water",
            ),
            "project.dry-run": view_of(DRY_RUN),
        }  # fmt: skip

    # ---------------------------------------------------------------- the horn
    def _tell(self, horn: Annunciator) -> None:
        self.horn = horn
        self._session.emit(wire.AnnunciatorState(horn))

    def raised(self, count: int) -> None:
        now, last = self._session._now(), self.horn.last_10_min + count
        flood = self.horn.flood_since_ms or (now if last > 10 else 0)
        waiting = self.horn.unacknowledged + count
        self._tell(replace(self.horn, horn="sounding", since_ms=now, by="", last_10_min=last,
                           flood_since_ms=flood, unacknowledged=waiting))  # fmt: skip

    def silenced(self, who: str) -> None:
        if self.horn.horn == "sounding":
            self._tell(replace(self.horn, horn="silenced", by=who, since_ms=self._session._now()))

    # ---------------------------------------------------------------- answers
    def reply(self, request: wire.Request) -> wire.Reply | None:
        match request:
            case wire.GetAnnunciator():
                return wire.AnnunciatorState(self.horn)
            case wire.SilenceHorn():
                self.silenced("Seat 1")
                return wire.Ok()
            case wire.TickStep():
                return self._tick(request)
            case wire.GetAlarmDesign():
                return self.design
            case wire.GetRules():
                return wire.Rules(tuple(v for k, v in self.rules.items() if request.like in k))
            case wire.GetAlarmKpis():
                return wire.AlarmKpiReport(self._figures(request))
            case wire.GetAlarmJournal():
                return self._journal(request)
            case wire.WriteAlarmJournal():
                return wire.Ok("44 entries")
            case wire.TryRule():
                return self._try(request)
        return self._change(request)

    def _change(self, request: wire.Request) -> wire.Reply | None:
        now = self._session._now()
        match request:
            case wire.PutRule(rule):
                self.rules[f"project.{rule.id}"] = view_of(rule)
            case wire.DropRule(name):
                self.rules.pop(f"project.{name.removeprefix('project.')}", None)
            case wire.SwitchRule(name, enabled):
                self.rules[name] = replace(self.rules[name], enabled=enabled)
            case wire.ArmRule(name, trial, waiver):
                key = f"project.{name.removeprefix('project.')}"
                kind = Arming.ARMED if trial else Arming.WAIVED
                known = self.rules[key].definition
                assert known is not None
                grounds = Grounds(kind, "aa", "Seat 1", now, trial or waiver, "bb")
                self.rules[key] = view_of(known, grounds)
            case wire.PutWork(work):
                made = replace(work, id=work.id or f"w-{len(self.design.works) + 1}", by="Seat 1")
                self._redesign(works=(*self.design.works, made))
                return wire.Ok(made.id)
            case wire.DropWork(name):
                self._redesign(works=tuple(w for w in self.design.works if w.id != name))
                return wire.Ok(name)
            case wire.PutSuppression(one):
                others = tuple(s for s in self.design.suppressions if s.id != one.id)
                self._redesign(suppressions=(*others, one))
                return wire.Ok(one.id)
            case wire.DropSuppression(name):
                left = tuple(s for s in self.design.suppressions if s.id != name)
                self._redesign(suppressions=left)
                return wire.Ok(name)
            case wire.PutWay(way):
                rest = tuple(w for w in self.design.ways if w.id != way.id)
                self._redesign(ways=(*rest, way))
                return wire.Ok(way.id)
            case wire.DropWay(name):
                self._redesign(ways=tuple(w for w in self.design.ways if w.id != name))
                return wire.Ok(name)
            case wire.PutEscalations(items):
                self._redesign(escalations=items)
                return wire.Ok()
            case wire.TryWay():
                return wire.Ok("delivered")
            case _:
                return None
        self._session.emit(wire.RulesChanged("", "changed"))
        return wire.Ok()

    def _redesign(self, **parts: tuple[PlannedWork | Way | Escalation, ...]) -> None:
        self.design = replace(self.design, **parts)
        self._session.emit(self.design)

    def _tick(self, request: wire.TickStep) -> wire.Reply:
        record = self._session.alarms[request.key]
        now = self._session._now()
        steps = list(record.steps)
        by, at = ("Seat 1", now) if request.done else ("", 0)
        steps[request.step] = replace(steps[request.step], done_by=by, done_ms=at)
        record = self._session.alarms[request.key] = replace(record, steps=tuple(steps))
        self._session.emit(wire.AlarmsChanged((record,), self._session.incidents))
        return wire.Ok(steps[request.step].text)

    def _try(self, request: wire.TryRule) -> wire.Reply:
        now = self._session._now()
        began = now - 4_000
        task = Task(12, f"Try {request.rule} on the past", TaskState.RUNNING, 12, 90,
                    started_ms=began)  # fmt: skip
        self._session.emit(wire.TaskChanged(task))
        self._session.emit(wire.TrialDone(12, trial_of(request.rule, request.days, now)))
        self._session.emit(wire.TaskChanged(replace(task, state=TaskState.DONE, ended_ms=now)))
        return wire.TaskStarted(12)

    def _figures(self, request: wire.GetAlarmKpis) -> AlarmKpis:
        now = request.to_ms or self._session._now()
        return AlarmKpis(
            request.from_ms or now - DAY_MS, now, 212, 1.47, 8.83, 212.0, 0.031, 0.02, 41,
            now - 7_200_000, 0.62,
            tuple((f"water.pressure-low@J-{n:02d}", 30 - 3 * n) for n in range(1, 9)),
            ("water.pressure-low@J-01",), (), ("power.no-voltage@F-02",),
            {"1": 0.05, "2": 0.15, "3": 0.5, "4": 0.3}, 190, 42.0, 380.0, 22, 3, 5,
        )  # fmt: skip

    def _journal(self, request: wire.GetAlarmJournal) -> wire.Reply:
        alarms = sorted(self._session.alarms.values(), key=lambda a: a.since_ms)
        wanted = request.filter
        events = [
            AlarmEvent(a.rule, a.asset, 1, a.since_ms, "raised", AlarmState.NORM, a.state, a)
            for a in alarms
            if (not wanted.priorities or a.priority in wanted.priorities)
            and wanted.text.casefold() in a.text.casefold()
        ]
        return wire.AlarmJournal(
            tuple(events[-request.limit :]), max(0, len(events) - request.limit)
        )


def outcome_at(threshold: float) -> Outcome:
    """Fewer alarms, later warnings with a lower threshold."""
    fired = round(2 + 40 * math.exp(4 * (threshold - 2.9)))
    return Outcome(fired, 3 if threshold >= 2.4 else 1, 4, 60.0 * threshold, int(fired > 30),
                   max(1, fired // 6), fired * 0.7)  # fmt: skip


def trial_of(rule: str, days: int, now: int) -> Trial:
    """A trial with nine thresholds and firings in two bursts."""
    out = outcome_at(2.6)
    began = now - days * DAY_MS
    firings = tuple(
        Firing("P-17", at := began + (n * days * DAY_MS) // (out.fired + 1), at + 1_800_000)
        for n in range(1, out.fired + 1)
    )
    sweep = tuple(Step(round(2.2 + 0.1 * n, 2), outcome_at(2.2 + 0.1 * n) if n < 8 else None)
                  for n in range(9))  # fmt: skip
    return Trial(rule, "Pressure low while the pump runs", days, began, now, 1, 2.6, "bar", True,
                 out, firings, sweep, 129_600, 21_400, 0.8,
                 "Maintenance on record begins 40 days ago.")  # fmt: skip
