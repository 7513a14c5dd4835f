"""One named alarm for a lost feed, a silent source, a sleep; and none for a clock that is set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.kit.alarm_room import AlarmRoom
from tests.kit.clocks import FakeClock

from lamplighter.alarms import AlarmEngine
from lamplighter.domain.alarm import AlarmEvent, AlarmRule, Condition
from lamplighter.domain.newest_block import blank
from lamplighter.runtime import alarm_watch
from lamplighter.runtime.alarm_watch import AlarmWatch, system_rules
from lamplighter.twin import DependencyGraph

STREAMS = 40
SOURCES = {0: "dev-a", 1: "dev-b"}
SOURCE_OF = np.array([n % 2 for n in range(STREAMS)], np.int32)


class _Night:
    """A core's beats by hand: what is stale, which feeds and sources are up."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.awake = 0
        self.feeds = {"feed-1": "live", "feed-2": "live"}
        self.of_feed = {0: "feed-1", 1: "feed-2"}
        self.unheard: set[int] = set()
        self.asked: list[str] = []
        self.dead = np.zeros(2, np.bool_)
        self.stale = np.zeros(STREAMS, np.bool_)
        stale_rules = [
            AlarmRule("stale", n, f"A{n}", Condition.STALE, 0.0, 3, "Stale") for n in range(STREAMS)
        ]
        rules = [*stale_rules, *system_rules(SOURCES.values(), ["feed-1", "feed-2"])]
        self.engine = AlarmEngine(rules, DependencyGraph([], []))
        self.watch = AlarmWatch(
            self.clock,
            lambda: list(self.feeds.items()),
            lambda: self.of_feed,
            lambda: self.asked.append("reload"),
            lambda: self.awake,
        )

    def beats(self, seconds: float) -> list[AlarmEvent]:
        events: list[AlarmEvent] = []
        for _ in range(round(seconds * 2)):
            self.clock.advance(500)
            self.awake += 500
            events += self.beat()
        return events

    def beat(self) -> list[AlarmEvent]:
        now = self.clock.wall_ms()
        newest = blank(STREAMS)
        newest.time_ms[:], newest.value[:] = now - 100, 1.0
        heard = np.array([0 if n in self.unheard else now for n in range(2)], np.int64)
        silent = self.watch.look(self.engine, self.dead, heard, SOURCES, SOURCE_OF, STREAMS)
        return self.engine.step(1, now, newest, self.stale, silent)


def _raised(events: list[AlarmEvent]) -> list[str]:
    return [e.record.key for e in events if e.event == "raised"]


def test_a_lost_feed_is_one_alarm_and_none_of_its_datastreams_is_called_stale() -> None:
    night = _Night()
    night.beats(2)
    night.feeds["feed-1"], night.dead[0] = "lost", True
    night.stale[SOURCE_OF == 0] = True
    assert _raised(night.beats(30)) == ["system.feed-lost@feed-1"]
    night.feeds["feed-1"], night.dead[0] = "live", False
    night.stale[:] = False
    events = night.beats(30)
    assert [(e.event, e.record.key) for e in events] == [("cleared", "system.feed-lost@feed-1")]


def test_while_a_feed_connects_its_sources_are_not_blamed_one_by_one() -> None:
    night = _Night()
    night.beats(2)
    night.feeds["feed-1"], night.dead[0] = "connecting", True
    assert _raised(night.beats(30)) == []
    night.feeds["feed-1"] = "lost"
    assert _raised(night.beats(30)) == ["system.feed-lost@feed-1"]


def test_the_sources_of_a_feed_that_is_back_get_time_to_speak() -> None:
    night = _Night()
    night.feeds["feed-1"], night.dead[0] = "lost", True
    night.beats(10)
    night.feeds["feed-1"] = "live"
    night.stale[SOURCE_OF == 0] = True
    assert _raised(night.beats(50)) == []
    assert _raised(night.beats(20)) == ["system.source-silent@dev-a"]


def test_nobody_waits_for_a_feed_that_a_person_paused() -> None:
    night = _Night()
    night.beats(2)
    night.feeds["feed-1"], night.dead[0] = "lost", True
    assert _raised(night.beats(30)) == ["system.feed-lost@feed-1"]
    night.feeds["feed-1"] = "paused"
    ended = [e.record.key for e in night.beats(30) if e.event == "cleared"]
    assert ended == ["system.feed-lost@feed-1"]
    night.feeds["feed-2"] = "paused"
    night.dead[1] = True
    assert _raised(night.beats(30)) == []


def test_the_sources_of_a_feed_that_is_resumed_get_time_to_speak() -> None:
    night = _Night()
    night.beats(2)
    night.feeds["feed-2"], night.dead[1] = "paused", True
    assert _raised(night.beats(30)) == []
    night.feeds["feed-2"] = "live"
    assert _raised(night.beats(50)) == []
    assert _raised(night.beats(20)) == ["system.source-silent@dev-b"]


def test_what_was_silent_at_the_start_is_missed_when_its_paused_feed_is_resumed() -> None:
    night = _Night()
    night.unheard, night.dead[1] = {1}, True
    night.feeds["feed-2"] = "paused"
    assert _raised(night.beats(90)) == []
    night.feeds["feed-2"] = "live"
    assert _raised(night.beats(90)) == ["system.source-silent@dev-b"]


def test_values_set_by_hand_have_no_source_that_is_missed() -> None:
    assert not any(r.asset == "hand-ada" for r in system_rules(["hand-ada"], []))


def test_a_silent_source_is_one_alarm_and_the_other_source_is_still_watched() -> None:
    night = _Night()
    night.beats(2)
    night.dead[0], night.stale[SOURCE_OF == 0] = True, True
    assert _raised(night.beats(30)) == ["system.source-silent@dev-a"]
    night.stale[1] = True
    assert _raised(night.beats(2)) == ["stale@A1"]


def test_a_sleep_is_one_alarm_that_says_from_when_to_when() -> None:
    night = _Night()
    night.beats(5)
    night.clock.jump(2 * 3_600_000)  # the wall clock went on, the machine's own did not
    night.awake += 2 * 3_600_000
    night.feeds = dict.fromkeys(night.feeds, "lost")
    night.dead[:], night.stale[:] = True, True
    (event,) = night.beat()
    assert event.record.key == "system.console-slept@console"
    assert "slept from" in event.record.text and " to " in event.record.text
    night.feeds = dict.fromkeys(night.feeds, "connecting")
    assert _raised(night.beats(4)) == []
    night.feeds = dict.fromkeys(night.feeds, "live")
    night.dead[:], night.stale[:] = False, False
    events = night.beats(60)
    assert _raised(events) == []
    assert [e.record.key for e in events if e.event == "cleared"] == [
        "system.console-slept@console"
    ]


def test_what_stays_away_after_a_sleep_is_told_after_its_grace() -> None:
    night = _Night()
    night.beats(5)
    night.awake += 3_600_000
    night.clock.jump(3_600_000)
    night.dead[0] = True
    raised = _raised(night.beats(60))
    assert raised == ["system.console-slept@console", "system.source-silent@dev-a"]


def test_a_source_that_fell_silent_while_nobody_recorded_is_missed_after_the_start() -> None:
    night = _Night()
    night.unheard, night.dead[:] = {0, 1}, True
    night.stale[:] = True
    night.of_feed = {0: "feed-1"}  # the other one belongs to nobody's feed any more
    assert _raised(night.beats(50)) == []
    assert _raised(night.beats(30)) == ["system.source-silent@dev-a"]
    night.unheard, night.dead[:] = set(), False
    ended = [e.record.key for e in night.beats(30) if e.event == "cleared"]
    assert ended == ["system.source-silent@dev-a"]


@pytest.mark.parametrize("hours", [1, -1, 24, -24])
def test_a_clock_that_somebody_set_raises_nothing(hours: int) -> None:
    night = _Night()
    night.beats(5)
    night.clock.jump(hours * 3_600_000)
    night.dead[:], night.stale[:] = True, True
    assert night.beats(2) == []
    night.dead[:], night.stale[:] = False, False
    assert night.beats(60) == []


def test_ten_thousand_sources_are_told_once_each() -> None:
    night = _Night()
    told: list[str] = []
    night.engine.tell = lambda key, holds, text="": told.append(key)  # type: ignore[method-assign]
    count = 10_000
    sources = {n: f"s{n}" for n in range(count)}
    heard, dead = np.full(count, night.clock.wall_ms()), np.zeros(count, np.bool_)
    for _ in range(3):
        night.watch.look(night.engine, dead, heard, sources, SOURCE_OF, STREAMS)
    assert sum("source" in key for key in told) == count
    dead[77] = True
    night.watch.look(night.engine, dead, heard, sources, SOURCE_OF, STREAMS)
    assert told[-1] == "system.source-silent@s77"


def test_a_feed_that_was_just_added_gets_its_rule_with_the_city() -> None:
    night = _Night()
    night.feeds["feed-3"] = "live"
    night.beats(3)
    assert night.asked == ["reload"]


def test_a_source_that_says_goodbye_is_one_alarm_in_a_real_recorder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alarm_watch, "PATIENCE_MS", 200)
    with AlarmRoom(tmp_path / "town", 20) as room:
        room.rule("old", condition="stale", threshold=0.0, text="Level stale")
        assert room.recorder.inlet.deliver(room.device.announcement(0))
        room.tell([1.0] * 20)
        room.until(lambda: room.recorder.core.newest.value[19] == 1.0)
        assert room.recorder.inlet.deliver(room.device.last_will())
        room.until(lambda: room.records())
        assert list(room.records()) == ["system.source-silent@dev"]
        assert room.recorder.core.mask[:20].all()
        assert room.recorder.inlet.deliver(room.device.announcement(1))
        room.tell([1.0] * 20)
        room.until(lambda: not room.records()["system.source-silent@dev"].active)
