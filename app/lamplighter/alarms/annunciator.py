"""The horn of a control room: one state for all consoles, made from the alarm events alone.

It sounds when an alarm newly asks for attention, is silenced for everybody by whoever acknowledges
or silences it, and is off when nothing is left to acknowledge. It also tells a flood.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import Final

import msgspec

from lamplighter.alarms.kpi import annunciates
from lamplighter.alarms.nuisance import FLOOD_WINDOW_MS, flood_since
from lamplighter.domain.alarm import AlarmEvent, AlarmRecord, AlarmState
from lamplighter.domain.alarm_report import Annunciator

_BY_PEOPLE: Final = frozenset({"acked", "reset", "shelved", "disabled", "suppressed"})


def asks(record: AlarmRecord) -> bool:
    """Whether somebody still has to look at it."""
    if record.state in {AlarmState.UNACK, AlarmState.RTN_UNACK}:
        return True
    return record.state is AlarmState.LATCHED and not record.acked_ms


class Horn:
    """`state` after each call; not thread-safe."""

    def __init__(self, standing: Iterable[AlarmRecord], now_ms: int) -> None:
        self._asking = {r.key: r.priority for r in standing if asks(r)}
        self._times: list[int] = []
        self.state = Annunciator()
        if self._asking:
            self.state = Annunciator("sounding", since_ms=now_ms)
        self._settle(now_ms)

    def take(self, events: Iterable[AlarmEvent], now_ms: int) -> bool:
        """Follow what happened; says whether the state changed. Call it also without events, so
        that a flood can end.
        """
        before, state = self.state, self.state
        for event in events:
            if asks(event.record):
                self._asking[event.record.key] = event.record.priority
            else:
                self._asking.pop(event.record.key, None)
            if annunciates(event):
                self._times.append(event.time_ms)
                state = msgspec.structs.replace(
                    state, horn="sounding", since_ms=now_ms, by="", newest=event.record.key
                )
            elif event.actor != "system" and event.event in _BY_PEOPLE:
                state = _silent(state, event.actor, now_ms)
        self.state = state
        self._settle(now_ms)
        return self.state != before

    def silence(self, who: str, now_ms: int) -> bool:
        """Quiet until the next alarm; says whether it sounded."""
        before = self.state
        self.state = _silent(before, who, now_ms)
        return self.state != before

    def _settle(self, now_ms: int) -> None:
        first = bisect_right(self._times, now_ms - FLOOD_WINDOW_MS)
        if first > 1000:
            del self._times[:first]
        recent = len(self._times) - bisect_right(self._times, now_ms - FLOOD_WINDOW_MS)
        state = self.state
        horn = state.horn if self._asking else "off"
        self.state = msgspec.structs.replace(
            state,
            horn=horn,
            since_ms=state.since_ms if horn == state.horn else now_ms,
            by=state.by if horn == "silenced" else "",
            priority=min(self._asking.values(), default=0),
            unacknowledged=len(self._asking),
            flood_since_ms=flood_since(self._times, now_ms, state.flood_since_ms),
            last_10_min=recent,
        )


def _silent(state: Annunciator, who: str, now_ms: int) -> Annunciator:
    if state.horn != "sounding":
        return state
    return msgspec.structs.replace(state, horn="silenced", since_ms=now_ms, by=who)
