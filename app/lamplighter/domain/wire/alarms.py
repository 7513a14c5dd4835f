"""Questions and news about alarms, their rules, what sets them aside, and who is called."""

from __future__ import annotations

from msgspec import Struct

from lamplighter.domain.alarm import AlarmEvent, AlarmRecord, Incident
from lamplighter.domain.alarm_design import (
    Escalation,
    PlannedWork,
    RuleDefinition,
    RuleView,
    Suppression,
    Way,
)
from lamplighter.domain.alarm_report import AlarmGroup, AlarmKpis, Annunciator
from lamplighter.domain.alarm_trial import Trial
from lamplighter.domain.wire.message import Message


# ---------------------------------------------------------------- what stands
class GetAlarms(Message, frozen=True):
    at_ms: int | None = None


class Alarms(Message, frozen=True):
    alarms: tuple[AlarmRecord, ...]
    incidents: tuple[Incident, ...]


class AlarmAction(Message, frozen=True):
    """ack | shelve | unshelve | disable | enable | reset on one or more alarms."""

    action: str
    keys: tuple[str, ...]
    until_ms: int = 0
    reason: str = ""
    note: str = ""
    partial: bool = False
    """leave out alarms whose state does not allow it any more, instead of refusing all"""


class TickStep(Message, frozen=True):
    """Tick a step of an alarm's checklist, or take the tick back."""

    key: str
    step: int
    done: bool = True


class AlarmsChanged(Message, frozen=True):
    """Alarms whose record changed, with their new record; NORM means the row leaves the list."""

    changed: tuple[AlarmRecord, ...]
    incidents: tuple[Incident, ...]
    """all open incidents"""
    by: str = ""
    """who did it; empty when the process or the clock did"""
    action: str = ""
    at_ms: int = 0


class GetAlarmGroups(Message, frozen=True):
    """The list said in few rows, for a flood."""

    most: int = 50


class AlarmGroups(Message, frozen=True):
    items: tuple[AlarmGroup, ...]


# ---------------------------------------------------------------- the horn
class GetAnnunciator(Message, frozen=True):
    pass


class SilenceHorn(Message, frozen=True):
    """For every console of this recorder, until the next alarm."""


class AnnunciatorState(Message, frozen=True):
    """Answer, and event whenever it changes."""

    state: Annunciator


# ---------------------------------------------------------------- the journal and its figures
class JournalFilter(Struct, frozen=True):
    """What of the journal is wanted; empty fields let everything through."""

    from_ms: int | None = None
    to_ms: int | None = None
    assets: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    priorities: tuple[int, ...] = ()
    events: tuple[str, ...] = ()
    actor: str = ""
    text: str = ""
    """anywhere in text, note, asset or rule; case does not matter"""


class GetAlarmJournal(Message, frozen=True):
    filter: JournalFilter = JournalFilter()
    limit: int = 1000


class AlarmJournal(Message, frozen=True):
    """The newest `limit` entries that fit, oldest first."""

    events: tuple[AlarmEvent, ...]
    left_out: int = 0
    """older entries that fit as well"""


class WriteAlarmJournal(Message, frozen=True):
    """Write the journal to a file on the recorder's machine: .csv or .json."""

    path: str
    filter: JournalFilter = JournalFilter()


class GetAlarmKpis(Message, frozen=True):
    """0 = the last 24 hours."""

    from_ms: int = 0
    to_ms: int = 0


class AlarmKpiReport(Message, frozen=True):
    kpis: AlarmKpis


# ---------------------------------------------------------------- rules
class GetRules(Message, frozen=True):
    """All rules, or those whose id contains `like`."""

    like: str = ""


class Rules(Message, frozen=True):
    items: tuple[RuleView, ...]


class PutRule(Message, frozen=True):
    """Add a rule of the project, or change the one of the same id: it is a draft afterwards."""

    definition: RuleDefinition


class DropRule(Message, frozen=True):
    id: str


class SwitchRule(Message, frozen=True):
    """Switch a rule off or on, also one of a plugin (`plugin.rule`)."""

    id: str
    enabled: bool
    reason: str = ""


class ArmRule(Message, frozen=True):
    """Let a draft raise alarms: after a trial on the past (`trial`: its result in words), or with
    a waiver (`waiver`: the reason). Signed with the project's key and audited.
    """

    id: str
    trial: str = ""
    waiver: str = ""


class TryRule(Message, frozen=True):
    """Try a rule on the past before it is armed. Answered by TaskStarted, then `TrialDone`."""

    rule: str
    """`id`, or `id@asset`"""
    days: int = 90
    horizon_h: float = 72.0
    """a failure counts as caught when the rule fired so long before it at most"""
    threshold: float | None = None
    """instead of the rule's own"""


class TrialDone(Message, frozen=True):
    """A trial has ended; `problem` says why there is none."""

    task: int
    trial: Trial | None = None
    problem: str = ""


class RulesChanged(Message, frozen=True):
    """A rule was added, changed, switched, armed or removed."""

    id: str
    what: str
    by: str = ""


# ---------------------------------------------------------------- setting aside, calling
class GetAlarmDesign(Message, frozen=True):
    pass


class AlarmDesign(Message, frozen=True):
    """Answer, and event whenever one changes."""

    suppressions: tuple[Suppression, ...]
    works: tuple[PlannedWork, ...]
    ways: tuple[Way, ...]
    escalations: tuple[Escalation, ...]


class PutSuppression(Message, frozen=True):
    suppression: Suppression


class DropSuppression(Message, frozen=True):
    id: str


class PutWork(Message, frozen=True):
    """Plan works, or change those of the same id; an empty id gets one."""

    work: PlannedWork


class DropWork(Message, frozen=True):
    """Take planned works back, or end them early."""

    id: str


class PutWay(Message, frozen=True):
    way: Way


class DropWay(Message, frozen=True):
    id: str


class PutEscalations(Message, frozen=True):
    """All of them, replacing those there were."""

    items: tuple[Escalation, ...]


class TryWay(Message, frozen=True):
    """Call by this way now, with a text that says it is a test. Answered by Ok or Refused."""

    id: str


Request = (
    GetAlarms
    | AlarmAction
    | TickStep
    | GetAlarmGroups
    | GetAnnunciator
    | SilenceHorn
    | GetAlarmJournal
    | WriteAlarmJournal
    | GetAlarmKpis
    | GetRules
    | PutRule
    | DropRule
    | SwitchRule
    | ArmRule
    | TryRule
    | GetAlarmDesign
    | PutSuppression
    | DropSuppression
    | PutWork
    | DropWork
    | PutWay
    | DropWay
    | PutEscalations
    | TryWay
)
Reply = (
    Alarms | AlarmGroups | AnnunciatorState | AlarmJournal | AlarmKpiReport | Rules | AlarmDesign
)
Event = AlarmsChanged | AnnunciatorState | RulesChanged | AlarmDesign | TrialDone
