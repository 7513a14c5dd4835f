"""The lane of suspect sensors: withheld values are stored, decide nothing, and can be released."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from tests.kit.patience import until
from tests.kit.recorders import running

from lamplighter.domain import wire
from lamplighter.domain.alarm import AlarmRule, Condition
from lamplighter.domain.city import Asset
from lamplighter.domain.clock import SystemClock
from lamplighter.domain.field_message import OBSERVATIONS, RawMessage
from lamplighter.domain.key_figures import KEY_FIGURES
from lamplighter.domain.problems import LamplighterError
from lamplighter.domain.quality import CLASS_MASK, Quality, QualityMark
from lamplighter.domain.suspicion import Suspect
from lamplighter.runtime.project import audit_entries, create
from lamplighter.runtime.recorder import Recorder
from lamplighter.runtime.suspicion_samples import Samples
from lamplighter.runtime.verdicts import told_of, verdict_board
from lamplighter.twin import doubted, marked

KEY = "gw/P-1"


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    with running(tmp_path / "town") as made:
        Sensor(made).send(7.0)
        until(lambda: len(made.core.newest) > 0 and made.core.newest.time_ms[0] > 0)
        until(lambda: len(made.core.city.streams) > 0)
        yield made


class Sensor:
    """One device with one value."""

    def __init__(self, recorder: Recorder, epoch: int = 4) -> None:
        self.recorder, self.epoch, self.seq = recorder, epoch, 0

    def send(self, value: float, *, retained: bool = False, age_ms: int = 0) -> None:
        clock = self.recorder.clock
        points = [["P-1", clock.wall_ms() - age_ms, value]]
        body = json.dumps({"epoch": self.epoch, "seq": self.seq, "points": points}).encode()
        self.seq += 1
        self.recorder._received(
            RawMessage(
                OBSERVATIONS + "gw",
                body,
                clock.wall_ms(),
                -1,
                "f",
                clock.monotonic_ms(),
                retained=retained,
            )
        )


def ask(recorder: Recorder, request: wire.Request) -> Any:
    return recorder._answers.answer(request)


def grade(recorder: Recorder) -> tuple[int, int]:
    raw = int(recorder.core.newest.quality[0])
    return raw & CLASS_MASK, raw & ~CLASS_MASK


def test_a_withheld_value_is_stored_marked_and_bad_to_every_reader(recorder: Recorder) -> None:
    ask(recorder, wire.Withhold(KEY, "it looks replayed"))
    sensor = Sensor(recorder, epoch=5)
    until(lambda: grade(recorder) == (Quality.BAD, QualityMark.WITHHELD))
    sensor.send(9.5)
    until(lambda: recorder.core.newest.value[0] == 9.5)
    assert grade(recorder) == (Quality.BAD, QualityMark.WITHHELD)
    until(lambda: recorder.core.newest.trust[0] == 0.0)

    def stored() -> bool:
        found = recorder.store.series(0, 0, 2**60, 100)
        return bool(found.value[-1] == 9.5 and found.quality[-1] & QualityMark.WITHHELD)

    until(stored)
    kept = recorder.store.series(0, 0, 2**60, 100)
    assert kept.quality[-1] & CLASS_MASK == Quality.UNCERTAIN
    assert not kept.quality[0] & QualityMark.WITHHELD


def test_an_older_look_at_the_lane_takes_no_newer_mark_away(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    lane = recorder.suspicion.lane
    real, begun = lane._marks, threading.Event()

    def slow(streams: Any) -> Any:
        found = real(streams)
        monkeypatch.setattr(lane, "_marks", real)
        begun.set()
        time.sleep(0.3)
        return found

    monkeypatch.setattr(lane, "_marks", slow)
    older = threading.Thread(target=lane.mark)
    older.start()
    assert begun.wait(60)
    lane.withhold(recorder.core.city.streams[0].key, "me", "it lies")
    older.join()
    assert recorder.core.marks[0] & QualityMark.WITHHELD


def test_releasing_takes_it_back_and_both_are_audited(recorder: Recorder) -> None:
    ask(recorder, wire.Withhold(KEY, "it looks replayed"))
    until(lambda: grade(recorder)[1] & QualityMark.WITHHELD)
    ask(recorder, wire.ReleaseWithheld(KEY, "the crew looked"))
    until(lambda: not grade(recorder)[1] & QualityMark.WITHHELD)
    assert ask(recorder, wire.GetSuspects()).withheld == ()
    done = [(e["action"], e["object"], e["reason"]) for e in audit_entries(recorder.project, 50)]
    assert ("withhold datastream", KEY, "it looks replayed") in done
    assert ("release datastream", KEY, "the crew looked") in done


def test_what_is_withheld_stays_so_after_a_restart(tmp_path: Path) -> None:
    create(tmp_path / "town")
    for turn in range(2):
        made = Recorder(tmp_path / "town", SystemClock(), plugin_code=False)
        made.start()
        try:
            if turn == 0:
                Sensor(made).send(7.0)
                until(lambda made=made: len(made.core.city.streams) > 0)
                ask(made, wire.Withhold(KEY, "doubtful"))
            until(lambda made=made: grade(made)[1] & QualityMark.WITHHELD)
        finally:
            made.stop()


def test_a_request_that_makes_no_sense_is_refused(recorder: Recorder) -> None:
    for request, code in (
        (wire.Withhold("gw/none", "why"), "U-802"),
        (wire.Withhold(KEY, " "), "U-801"),
        (wire.ReleaseWithheld(KEY, "why"), "U-801"),
        (wire.DismissSuspect(KEY, "datastream", "why"), "U-801"),
    ):
        with pytest.raises(LamplighterError) as refused:
            ask(recorder, request)
        assert refused.value.problem.code == code


def test_the_preview_names_what_would_lose_its_input(recorder: Recorder) -> None:
    assert ask(recorder, wire.PreviewWithhold(KEY)).losses == ()
    city = recorder.core.city
    rule = AlarmRule("high", 0, "P-1", Condition.ABOVE, 9.0, 2, "Pressure too high")
    stream = replace(city.streams[0], kind="pressure", asset="P-1")
    asset = Asset("P-1", "Pipe", "Pipe 1", domain="water")
    recorder.core.city = replace(city, rules=(rule,), streams=(stream,), assets={"P-1": asset})
    losses = ask(recorder, wire.PreviewWithhold(KEY)).losses
    assert [(one.what, one.name) for one in losses] == [
        ("rule", "Pressure too high"),
        ("KPI", "Water pressure"),
    ]
    recorder.core.city = city


def test_the_key_figures_of_the_preview_are_those_of_the_window() -> None:
    from lamplighter.ui import kpi

    shown = [*kpi.DEFINITIONS, *kpi.OTHERWISE.values()]
    ours = {name: (kinds, types) for name, kinds, types in KEY_FIGURES}
    assert ours == {d.name: (d.kinds, d.types) for d in shown if d.kinds}


def test_an_observation_left_on_the_broker_is_told(recorder: Recorder) -> None:
    Sensor(recorder, epoch=6).send(3.0, retained=True)
    lane = until(lambda: ask(recorder, wire.GetSuspects()).items)
    assert [(s.scope, s.kind, s.looks) for s in lane] == [("source", "retained message", "message")]


def test_two_that_use_one_name_are_told(recorder: Recorder) -> None:
    one, other = Sensor(recorder, epoch=21), Sensor(recorder, epoch=22)
    for value in range(12):
        (one if value % 2 else other).send(float(value))
        time.sleep(0.05)
    lane = until(lambda: ask(recorder, wire.GetSuspects()).items)
    assert {s.kind for s in lane} == {"second publisher"}
    assert "gw" in lane[0].reason
    until(lambda: grade(recorder)[1] & QualityMark.SUSPECT)


def test_a_suspicion_that_was_looked_at_leaves_the_lane(recorder: Recorder) -> None:
    recorder.suspicion.lane.put(
        Suspect(KEY, "datastream", "offset", "tampered", "P-1 stands apart", "mean 8", 3.0, 0, 0)
    )
    until(lambda: grade(recorder)[1] & QualityMark.SUSPECT)
    assert grade(recorder)[0] == Quality.UNCERTAIN
    ask(recorder, wire.DismissSuspect(KEY, "datastream", "a new pump"))
    until(lambda: not grade(recorder)[1] & QualityMark.SUSPECT)
    assert ask(recorder, wire.GetSuspects()).items == ()


def test_a_sensor_that_reads_again_and_then_lies_in_another_way_is_told_anew(
    recorder: Recorder,
) -> None:
    lane = recorder.suspicion.lane
    found = Suspect(KEY, "datastream", "dropout", "broken", "x", "gap", 3.0, 0, 0)

    def told(*kinds: str) -> tuple[str, int]:
        for kind in kinds:
            lane.put(replace(found, kind=kind, reason=kind))
        return lane.items[0].reason, lane.items[0].since_ms

    first = told("dropout")
    assert told("unit change", "unit change") == ("dropout", first[1])  # both may be true for now
    assert told("dropout", "unit change", "mismatch", "unit change") == ("dropout", first[1])
    time.sleep(0.01)
    again = told("unit change")
    assert again[0] == "unit change" and again[1] > first[1]
    assert told("offset", "offset", "offset", "offset") == again  # says less, of the same lie
    assert told("stuck", "stuck", "stuck")[0] == "stuck"


def test_what_a_person_makes_of_suspicions_stands_on_the_scoreboard(recorder: Recorder) -> None:
    lane = recorder.suspicion.lane
    found = Suspect(KEY, "datastream", "offset", "tampered", "P-1 stands apart", "m", 3.0, 0, 0)
    lane.put(found)
    ask(recorder, wire.DismissSuspect(KEY, "datastream", "a new pump"))
    lane.learned()
    lane.put(replace(found, kind="stuck"))
    ask(recorder, wire.Withhold(KEY, "it does not move"))
    ask(recorder, wire.ReleaseWithheld(KEY, "exchanged"))
    lane.put(replace(found, kind="replay"))

    until(lambda: len(told_of(recorder.store)) == 3)
    board = ask(recorder, wire.GetScoreboard()).verdicts

    told = {(r.group, r.name): (r.told, r.real, r.false) for r in board}
    assert told == {
        ("class", "other"): (3, 1, 1),
        ("detector", "sensor: offset"): (1, 0, 1),
        ("detector", "sensor: stuck"): (1, 1, 0),
        ("detector", "sensor: replay"): (1, 0, 0),
    }
    assert verdict_board(recorder.store, recorder.clock.wall_ms())[1:] == board[1:]


def test_marks_raise_the_class_and_lower_the_trust() -> None:
    quality = np.array([0, 0, 0, 1, 3], np.uint8)
    marks = np.array([0, 4, 8, 12], np.uint8)
    found = marked(quality, marks)
    assert (found & CLASS_MASK).tolist() == [0, 1, 2, 2, 3]
    assert (found & 12).tolist() == [0, 4, 8, 12, 0]
    trust = doubted(np.ones(5, np.float32), 5, marks)
    assert trust.round(2).tolist() == pytest.approx([1.0, 0.3, 0.0, 0.0, 1.0], abs=1e-6)
    assert marked(quality, np.zeros(3, np.uint8)) is quality


def test_samples_of_before_the_start_are_read_from_the_store(tmp_path: Path) -> None:
    create(tmp_path / "town")
    made = Recorder(tmp_path / "town", SystemClock(), plugin_code=False)
    made.start()
    try:
        sensor = Sensor(made)
        for n in range(60):
            sensor.send(float(n), age_ms=60_000 - 1_000 * n)
        until(lambda: len(made.core.newest) and made.core.newest.value[0] == 59.0)
        until(lambda: len(made.core.city.streams) > 0)
        samples = Samples(made)
        samples.step_ms = 1_000
        samples._describe()
        samples.step_ms, samples._next_ms = 1_000, 0
        row = samples._of(made.store.moment(made.clock.wall_ms(), False), samples.ids, 2**50)
        assert np.isnan(row).all()  # far too old by then
        now = made.clock.wall_ms()
        assert samples._of(made.store.moment(now, False), samples.ids, now).tolist() == [59.0]
        samples._older = (samples.ids, np.array([1, 2], np.int64), np.array([[4.0], [5.0]]))
        samples._take_older()
        assert samples.count == 2
        assert samples._values[:, 0].tolist() == [4.0, 5.0]
    finally:
        made.stop()


def test_a_stranger_on_an_old_feed_is_told_and_its_values_are_not_doubted(
    recorder: Recorder,
) -> None:
    desk = recorder.suspicion
    gw = next(n for n, name in recorder.core.city.sources.items() if name == "gw")
    desk._at_start, desk._feeds_at_start = frozenset({99}), frozenset({"f"})
    desk._greeted.clear()
    recorder.started_ms -= 10 * 60_000
    desk._strangers({gw})
    lane = ask(recorder, wire.GetSuspects()).items
    assert [s.kind for s in lane] == ["unknown publisher"]
    assert not grade(recorder)[1] & QualityMark.SUSPECT
    ask(recorder, wire.DismissSuspect("gw", "source", "a new gateway"))
    desk._greeted.clear()
    desk._strangers({gw})
    assert ask(recorder, wire.GetSuspects()).items == ()


def test_who_comes_with_a_feed_that_was_added_is_no_stranger(recorder: Recorder) -> None:
    desk = recorder.suspicion
    gw = next(n for n, name in recorder.core.city.sources.items() if name == "gw")
    desk._at_start, desk._feeds_at_start = frozenset({99}), frozenset({"another"})
    desk._greeted.clear()
    recorder.started_ms -= 10 * 60_000
    desk._strangers({gw})
    assert ask(recorder, wire.GetSuspects()).items == ()
