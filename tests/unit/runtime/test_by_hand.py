"""Values set by hand and points in maintenance: marked, ended in time, never taken for measured."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.kit.patience import until
from tests.kit.recorders import running
from tests.kit.sparkplug import FLOAT, EdgeNode, metric

from lamplighter.domain import wire
from lamplighter.domain.by_hand import HandMark
from lamplighter.domain.city import Asset
from lamplighter.domain.clock import SystemClock
from lamplighter.domain.field_message import OBSERVATIONS, RawMessage
from lamplighter.domain.problems import LamplighterError, problem
from lamplighter.domain.quality import CLASS_MASK, Quality, QualityMark
from lamplighter.governance.gate import Interlock
from lamplighter.runtime import commands
from lamplighter.runtime.project import audit_entries, create
from lamplighter.runtime.recorder import Recorder

KEY = "gw/P-1"


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    with running(tmp_path / "town") as made:
        Sensor(made).send(7.0)
        until(lambda: len(made.core.newest) > 0 and made.core.newest.time_ms[0] > 0)
        yield made


class Sensor:
    """One device with one value."""

    seq = 0

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder

    def send(self, value: float) -> None:
        clock = self.recorder.clock
        Sensor.seq += 1
        points = [["P-1", clock.wall_ms(), value]]
        body = json.dumps({"epoch": 4, "seq": Sensor.seq, "points": points}).encode()
        self.recorder.inlet.deliver(
            RawMessage(OBSERVATIONS + "gw", body, clock.wall_ms(), -1, "f", clock.monotonic_ms())
        )


def ask(recorder: Recorder, request: wire.Request) -> Any:
    return recorder._handle(request)


def in_ms(recorder: Recorder, ms: int) -> int:
    return recorder.clock.wall_ms() + ms


def newest(recorder: Recorder) -> tuple[float, int]:
    values = recorder.core.newest
    return float(values.value[0]), int(values.quality[0])


def stored(recorder: Recorder) -> list[float]:
    return recorder.store.series(0, 0, 2**62, 1000).value.tolist()


def test_a_value_set_by_hand_is_shown_and_marked_and_the_sensor_goes_on(
    recorder: Recorder,
) -> None:
    wanted = wire.SetByHand(KEY, "value", in_ms(recorder, 3_600_000), "sensor broken", "3.25")
    assert ask(recorder, wanted).text == "3.25"
    until(lambda: newest(recorder)[0] == 3.25)
    assert newest(recorder)[1] == Quality.UNCERTAIN | QualityMark.HAND_SET
    Sensor(recorder).send(9.0)
    until(lambda: stored(recorder) == [7.0, 9.0])
    assert newest(recorder)[0] == 3.25, "what the sensor says is stored and not shown"
    hand = until(lambda: [d for d in recorder.store.datastreams() if d.source.startswith("hand-")])
    series = until(lambda: recorder.store.series(hand[0].id, 0, 2**62, 10).value.tolist())
    assert (hand[0].name, series) == (KEY, [3.25])
    ask(recorder, wire.EndByHand(KEY, "value", "mended"))
    until(lambda: newest(recorder) == (9.0, Quality.GOOD))
    said = [(e["action"], e["reason"]) for e in audit_entries(recorder.project, 10)]
    assert ("set value by hand", "sensor broken") in said
    assert ("end value by hand", "mended") in said


def test_points_in_maintenance_are_stored_with_their_mark(recorder: Recorder) -> None:
    until_ms = in_ms(recorder, 3_600_000)
    ask(recorder, wire.SetByHand(KEY, "maintenance", until_ms, "valve is open"))
    time.sleep(0.3)
    Sensor(recorder).send(1.0)
    until(lambda: stored(recorder) == [7.0, 1.0])
    quality = recorder.store.series(0, 0, 2**62, 10).quality.tolist()
    assert [q & QualityMark.IN_MAINTENANCE for q in quality] == [0, QualityMark.IN_MAINTENANCE]
    assert newest(recorder)[1] & QualityMark.IN_MAINTENANCE
    assert newest(recorder)[1] & CLASS_MASK == Quality.GOOD
    ask(recorder, wire.EndByHand(KEY, "maintenance"))
    until(lambda: not newest(recorder)[1] & QualityMark.IN_MAINTENANCE or Sensor(recorder).send(2))


def test_no_interlock_is_lifted_by_a_value_that_a_person_set(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def above_five(*given: Any) -> tuple[Interlock, ...]:
        return (Interlock("start", "level above 5", float(given[4].value[0]) > 5),)

    monkeypatch.setattr(commands, "blocking", above_five)
    asset = Asset("P-1", "Pump", "Pump 1", "water")
    ask(recorder, wire.SetByHand(KEY, "value", in_ms(recorder, 3_600_000), "x", "1"))
    until(lambda: newest(recorder)[0] == 1.0)
    assert float(recorder.core.measured.value[0]) == 7.0
    assert recorder.commands._interlocks(asset, "start")[0].holds
    Sensor(recorder).send(2.0)
    until(lambda: float(recorder.core.measured.value[0]) == 2.0)
    assert not recorder.commands._interlocks(asset, "start")[0].holds
    ask(recorder, wire.SetByHand(KEY, "value", in_ms(recorder, 3_600_000), "x", "9"))
    until(lambda: recorder.commands._interlocks(asset, "start")[0].holds)


def test_it_ends_by_itself_and_says_so(recorder: Recorder) -> None:
    from msgspec.structs import replace

    ask(recorder, wire.SetByHand(KEY, "value", in_ms(recorder, 61_000), "short", "1"))
    mark = recorder.hand.items[0]
    recorder.hand.put(replace(mark, until_ms=recorder.clock.wall_ms() + 200))
    until(lambda: recorder.hand.items == ())
    until(lambda: not newest(recorder)[1] & QualityMark.HAND_SET)
    assert any(e["reason"] == "its time is over" for e in audit_entries(recorder.project, 10))


def test_a_full_disk_keeps_no_point_in_maintenance_for_ever(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    from msgspec.structs import replace

    ask(recorder, wire.SetByHand(KEY, "maintenance", in_ms(recorder, 61_000), "short"))
    marks: list[dict[int, int]] = []
    monkeypatch.setattr(recorder.pipeline, "set_marks", marks.append)

    def full(**_: object) -> int:
        raise LamplighterError(problem("A-401", what="now"))

    monkeypatch.setattr(recorder.audit, "record", full)
    mark = recorder.hand.items[0]
    recorder.hand.put(replace(mark, until_ms=recorder.clock.wall_ms() + 200))
    until(lambda: recorder.hand.items == ())
    until(lambda: marks and marks[-1] == {})


def test_marks_set_at_once_by_many_all_stand(recorder: Recorder) -> None:
    made = [HandMark(f"gw/X-{n}", "maintenance", "me", "r", 1, 2**50) for n in range(24)]
    threads = [threading.Thread(target=recorder.hand.put, args=(mark,)) for mark in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {m.key for m in recorder.hand.items} == {m.key for m in made}


def test_a_mark_that_comes_while_the_rows_are_made_is_shown_at_the_next_beat(
    recorder: Recorder,
) -> None:
    hand, core = recorder.hand, recorder.core
    core.overlay = None
    first, late = (
        HandMark(KEY, kind, "me", "r", 1, 2**50, value=value)
        for kind, value in (("maintenance", None), ("value", 3.0))
    )

    class Slow(dict[tuple[str, str], HandMark]):
        """Somebody sets a value just while the marks are gone through."""

        def values(self) -> Any:
            hand._marks = {**self, (KEY, "value"): late}
            return super().values()

    hand._marks = Slow({(KEY, "maintenance"): first})
    assert hand.overlay(core.newest).value[0] != 3.0
    assert hand.overlay(core.newest).value[0] == 3.0


def test_what_stands_outlives_the_recorder(tmp_path: Path) -> None:
    create(tmp_path / "t")
    first = Recorder(tmp_path / "t", SystemClock(), plugin_code=False)
    first.start()
    Sensor(first).send(7.0)
    until(lambda: len(first.core.city.streams) == 1)
    ask(first, wire.SetByHand(KEY, "value", in_ms(first, 3_600_000), "broken", "3"))
    first.stop()
    second = Recorder(tmp_path / "t", SystemClock(), plugin_code=False)
    second.start()
    until(lambda: newest(second) == (3.0, Quality.UNCERTAIN | QualityMark.HAND_SET))
    second.stop()


@pytest.mark.parametrize(
    ("key", "kind", "ms", "reason", "value", "words"),
    [(KEY, "value", 3_600_000, "", "1", "reason"), (KEY, "value", 1_000, "x", "1", "minute"),
     (KEY, "value", 40 * 86_400_000, "x", "1", "thirty days"),
     (KEY, "value", 3_600_000, "x", "high", "no number"),
     (KEY, "value", 3_600_000, "x", "1e30", "possible range"),
     (KEY, "odd", 3_600_000, "x", "1", "neither"),
     ("no/such", "value", 3_600_000, "x", "1", "no/such")],
)  # fmt: skip
def test_what_cannot_be_set_says_why(
    recorder: Recorder, key: str, kind: str, ms: int, reason: str, value: str, words: str
) -> None:
    with pytest.raises(LamplighterError, match=words):
        ask(recorder, wire.SetByHand(key, kind, in_ms(recorder, ms), reason, value))
    assert recorder.hand.items == ()


def test_the_original_message_is_one_question_away(recorder: Recorder) -> None:
    found = ask(recorder, wire.GetOriginal(KEY))
    assert json.loads(found.body)["points"][0][0] == "P-1"
    assert found.topic == OBSERVATIONS + "gw"
    with pytest.raises(LamplighterError, match="too long ago"):
        ask(recorder, wire.GetOriginal("gw/other"))


def test_the_original_behind_a_mapping_is_found_by_its_values(recorder: Recorder) -> None:
    text = 'name = "m"\ntopic = "a/+"\nsource = "m-{1}"\n[[values]]\nvalue = "v"\n'
    ask(recorder, wire.AddFeed("mqtt://127.0.0.1:9", text))
    clock = recorder.clock
    for topic, body in (("a/x", b'{"v": 1}'), ("a/y", b'{"v": 2}'), ("a/x", b'{"w": 3}')):
        recorder.inlet.deliver(
            RawMessage(topic, body, clock.wall_ms(), -1, "feed-1", clock.monotonic_ms())
        )
    assert ask(recorder, wire.GetOriginal("m-x/v")).body == '{"v": 1}'
    assert ask(recorder, wire.GetOriginal("m-y/v")).body == '{"v": 2}'


def test_behind_a_camera_stands_the_picture_of_the_asked_moment(recorder: Recorder) -> None:
    folder = recorder.project / "media" / "stills" / "gate"
    folder.mkdir(parents=True)
    for name in ("2026-11-28T190814-601Z.jpg", "2026-11-28T190819-473Z.jpg"):
        (folder / name).write_bytes(b"\xff\xd8\xff")
    first, last = 1_795_892_894_601, 1_795_892_899_473
    assert ask(recorder, wire.GetOriginal("gate/picture/age")).received_ms == last
    then = ask(recorder, wire.GetOriginal("gate/picture/age", last - 1))
    assert then.received_ms == first and then.file.endswith("T190814-601Z.jpg")
    with pytest.raises(LamplighterError, match="no picture of that moment"):
        ask(recorder, wire.GetOriginal("gate/picture/age", first - 1))


def test_behind_a_sparkplug_metric_stands_its_message_in_words_also_by_its_alias(
    recorder: Recorder,
) -> None:
    node, clock = EdgeNode(now=recorder.clock.wall_ms()), recorder.clock
    flow = metric("Flow", 2.0, FLOAT, alias=7, unit="L/s")
    for topic, body in (
        node.birth(),
        node.device_birth("pump", flow, metric("Level", 1.0, FLOAT, alias=8)),
        node.data("pump", metric(None, 3.5, FLOAT, alias=7)),
        node.data("pump", metric(None, 1.5, FLOAT, alias=8)),
    ):
        recorder.inlet.deliver(
            RawMessage(topic, body, clock.wall_ms(), -1, "f", clock.monotonic_ms())
        )
    found = ask(recorder, wire.GetOriginal("plant:gw/pump/Flow"))
    (said,) = json.loads(found.body)["metrics"]
    assert (said["alias"], said["value"]) == (7, 3.5) and "DDATA" in found.topic
    with pytest.raises(LamplighterError, match="too long ago"):
        ask(recorder, wire.GetOriginal("plant:gw/pump/Speed"))
