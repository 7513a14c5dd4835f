"""Questions and news about alarms."""

from __future__ import annotations

from lamplighter.domain.alarm import AlarmRecord, Incident
from lamplighter.domain.wire.message import Message


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


class AlarmsChanged(Message, frozen=True):
    """Alarms whose record changed, with their new record; NORM means the row leaves the list."""

    changed: tuple[AlarmRecord, ...]
    incidents: tuple[Incident, ...]
    """all open incidents"""


Request = GetAlarms | AlarmAction
Reply = Alarms
Event = AlarmsChanged
