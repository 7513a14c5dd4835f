"""Alarm rules, the ISA-18.2 life cycle, and folding under one cause."""

from __future__ import annotations

from lamplighter.alarms.engine import AlarmEngine
from lamplighter.alarms.folding import fold, folded_under, sorted_records, urgency
from lamplighter.alarms.lifecycle import TABLE, AlarmInput, transition
from lamplighter.alarms.lives import ACTIONS
from lamplighter.alarms.nuisance import chattering, chatters, flood_since

__all__ = [
    "ACTIONS",
    "TABLE",
    "AlarmEngine",
    "AlarmInput",
    "chattering",
    "chatters",
    "flood_since",
    "fold",
    "folded_under",
    "sorted_records",
    "transition",
    "urgency",
]
