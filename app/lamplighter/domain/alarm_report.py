"""What is told about alarms as a whole: figures of a period, the horn, groups in a flood."""

from __future__ import annotations

from msgspec import Struct


class AlarmKpis(Struct, frozen=True):
    """The figures of a period, as EEMUA 191 and ISA-18.2 word them; defined in `alarms.kpi`."""

    from_ms: int
    to_ms: int
    alarms: int
    """annunciated in the period"""
    per_10_min: float
    per_hour: float
    per_day: float
    flood_share: float
    """0..1 of the period"""
    over_10_share: float
    """0..1 of the ten-minute periods"""
    peak_10_min: int
    peak_from_ms: int
    top_10_share: float
    """0..1 of the alarms"""
    top_10: tuple[tuple[str, int], ...]
    """(key, alarms), the most frequent first"""
    chattering: tuple[str, ...]
    """keys, the most frequent first"""
    fleeting: tuple[str, ...]
    """keys that came and went within seconds, the most frequent first"""
    stale: tuple[str, ...]
    """keys that stood for more than 24 hours"""
    priorities: dict[str, float]
    """`1`..`4` -> 0..1 of the alarms"""
    acknowledged: int
    ack_median_s: float | None
    ack_p95_s: float | None
    unacknowledged: int
    shelved: int
    suppressed: int


class AlarmGroup(Struct, frozen=True):
    """One row of a grouped list: many alarms said as one."""

    title: str
    keys: tuple[str, ...]
    priority: int
    """of the most urgent"""
    since_ms: int
    people: int
    unacknowledged: int


class Annunciator(Struct, frozen=True):
    """The horn of the whole control room, and whether there is a flood. One per recorder."""

    horn: str = "off"
    """off | sounding | silenced: as long as something is unacknowledged it is not off"""
    priority: int = 0
    """of the most urgent unacknowledged alarm; 0 for none"""
    since_ms: int = 0
    """when the horn took this state"""
    by: str = ""
    """who silenced it; empty while it sounds"""
    unacknowledged: int = 0
    newest: str = ""
    """key of the alarm that made it sound last"""
    flood_since_ms: int = 0
    """0 while there is no flood"""
    last_10_min: int = 0
    """alarms annunciated in the last ten minutes"""
