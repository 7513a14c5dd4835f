"""Alarm rules, the ISA-18.2 life cycle, and folding under one cause."""

from __future__ import annotations

from lamplighter.alarms.engine import ACTIONS, AlarmEngine
from lamplighter.alarms.folding import fold, folded_under, sorted_records, urgency
from lamplighter.alarms.lifecycle import TABLE, AlarmInput, transition

__all__ = [
    "ACTIONS",
    "TABLE",
    "AlarmEngine",
    "AlarmInput",
    "fold",
    "folded_under",
    "sorted_records",
    "transition",
    "urgency",
]
