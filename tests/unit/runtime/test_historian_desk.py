"""A running recorder exchanges all the time, and goes on by itself after the historian was away."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from tests.kit.patience import until
from tests.kit.postgres import Postgres, needs_postgres

from lamplighter.domain import wire
from lamplighter.domain.alarm import AlarmState
from lamplighter.domain.city import Asset, Datastream, Limits
from lamplighter.domain.clock import SystemClock
from lamplighter.domain.exchange import NamedStream, ReceivedChunk, ReceivedPoints
from lamplighter.domain.observation import MessageRecord
from lamplighter.domain.problems import LamplighterError
from lamplighter.exchange import HistorianConfig
from lamplighter.runtime.historian import releasable
from lamplighter.runtime.intake import RecorderDoor
from lamplighter.runtime.recorder import Recorder
from lamplighter.store import Store, WriteAccess

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    needs_postgres()
    with Postgres() as found:
        yield found.prepared()


@pytest.fixture
def historian(postgres: Postgres) -> Postgres:
    """Empty: every test has it to itself, in any order."""
    postgres.sql("DROP SCHEMA lamplighter CASCADE")
    return postgres.prepared()


@pytest.fixture
def recorders(tmp_path: Path) -> Iterator[tuple[Recorder, Recorder]]:
    made = []
    for name in ("a", "b"):
        Store.create(tmp_path / name, name=name, clock=SystemClock())
        made.append(Recorder(tmp_path / name, SystemClock(), plugin_code=False))
        made[-1].start()
    yield made[0], made[1]
    for one in made:
        one.stop()


def chunk(source: str, seq: int, count: int = 10, age_ms: int = 0) -> ReceivedChunk:
    """One message of now, or of some time ago."""
    now = SystemClock().wall_ms() - age_ms
    at = np.arange(count)
    return ReceivedChunk(
        (NamedStream(source, "level", False, "m"), NamedStream(source, "state", True)),
        ("open", "shut"),
        (source,),
        (MessageRecord(0, 5, seq, seq * 31 + 7, now, count),),
        ReceivedPoints(
            (at % 2).astype(np.int32), now + at, (at % 2).astype(np.float64),
            np.zeros(count, np.uint8), np.zeros(count, np.int32), at.astype(np.int32),
        ),
    )  # fmt: skip


def keys(recorder: Recorder) -> set[tuple[str, int, int, str, object]]:
    return {(r.source, r.seq, r.n, r.datastream, r.value) for r in recorder.store.export_rows()}


def test_two_recorders_share_what_they_record_also_after_a_crash_of_the_historian(
    historian: Postgres, recorders: tuple[Recorder, Recorder]
) -> None:
    a, b = recorders
    for one in recorders:
        one.historian.use(HistorianConfig(historian.url))
    door = RecorderDoor(a, past=False)
    door.take(chunk("pumps", 0))
    until(lambda: keys(b) == keys(a) != set())
    until(lambda: bool((b.core.newest.time_ms > 0).any()))  # fresh values of others are live here
    historian.stop("immediate")
    door.take(chunk("pumps", 1))
    RecorderDoor(b, past=False).take(chunk("air", 0))
    until(lambda: "N-330" in a.historian.state.problem)
    waiting = releasable(a.project, a.store)
    assert waiting is not None
    assert waiting < a.store.last_batch()
    historian.start()
    until(lambda: len(keys(a)) == 30 and keys(a) == keys(b))
    until(lambda: releasable(a.project, a.store) == a.store.last_batch())
    assert a.historian.state.problem == ""
    assert historian.sql("SELECT count(*) FROM lamplighter.observation") == [(30,)]
    assert a.meters.account.received == 0, "what came from elsewhere is no feed of ours"


def test_a_command_is_answered_by_the_recorder(
    historian: Postgres, recorders: tuple[Recorder, Recorder]
) -> None:
    a, _ = recorders
    RecorderDoor(a, past=False).take(chunk("valves", 0))
    reply = a._handle(wire.SyncHistorian(historian.url))
    assert isinstance(reply, wire.HistorianSynced)
    assert (reply.sent, reply.waiting, reply.poison) == (10, 0, 0)
    assert releasable(a.project, a.store) is None
    with pytest.raises(LamplighterError, match="U-801"):
        a._handle(wire.SyncHistorian())
    secret = historian.url.replace("console@", "console:hunter2@")
    assert a._handle(wire.SetHistorian(secret)) == wire.Ok("127.0.0.1/postgres")
    until(lambda: a.historian.state.connected)
    assert "hunter2" not in str(a.store.settings())
    assert b"hunter2" not in (a.project / "audit.db").read_bytes()
    assert a._handle(wire.SetHistorian("off")) == wire.Ok("")
    until(lambda: not a.historian.state.connected)


def test_the_past_raises_no_alarm_and_is_no_present_value(
    recorders: tuple[Recorder, Recorder], tmp_path: Path
) -> None:
    a, _ = recorders
    file = tmp_path / "h.csv"
    file.write_text("time,tag,value\n2020-01-01T00:00:00Z,P-1,99\n2020-01-01T00:01:00Z,P-1,98\n")
    mapping = (
        'source = "scada"\n[time]\ncolumn = "time"\n[long]\ndatastream = "tag"\nvalue = "value"\n'
    )
    reply = a._handle(wire.ImportPast((str(file),), mapping))
    assert isinstance(reply, wire.TaskStarted)
    until(lambda: sum(1 for _ in a.store.export_rows()) == 2)
    until(lambda: a.core.batch() == a.store.last_batch())
    until(lambda: any(d.name == "P-1" for d in a.core.city.streams))
    time.sleep(0.3)
    assert not (a.core.newest.time_ms > 0).any()
    assert [r for r in a.store.alarms() if r.state is not AlarmState.NORM] == []
    RecorderDoor(a, past=False).take(chunk("scada", 0))
    until(lambda: bool((a.core.newest.time_ms > 0).any()))


def test_a_past_beyond_its_limits_raises_no_alarm_and_a_live_value_does(tmp_path: Path) -> None:
    """Neither when it comes in nor when the recorder starts again with it."""
    clock = SystemClock()
    Store.create(tmp_path / "c", name="c", clock=clock)
    stream = Datastream(
        0, "scada", "P-1", "bar", kind="pressure", asset="J-1", limits=Limits(high_high=5.0)
    )
    file = tmp_path / "h.csv"
    file.write_text("time,tag,value\n2020-01-01T00:00:00Z,P-1,99\n2020-01-01T00:01:00Z,P-1,98\n")
    mapping = (
        'source = "scada"\n[time]\ncolumn = "time"\n[long]\ndatastream = "tag"\nvalue = "value"\n'
    )

    def describe(access: WriteAccess) -> None:
        access.put_assets([Asset("J-1", "Junction", "Junction 1", "water")])
        access.put_datastream_meta([stream])

    recorder = Recorder(tmp_path / "c", clock, plugin_code=False)
    recorder.store.writer.call(describe).result(60)
    recorder.adopt_streams()
    recorder.core.city_changed()
    recorder.start()
    until(lambda: any(r.asset == "J-1" for r in recorder.core.city.rules))
    recorder._handle(wire.ImportPast((str(file),), mapping))
    until(lambda: sum(1 for _ in recorder.store.export_rows()) == 2)
    time.sleep(0.7)
    assert recorder.store.alarm_events() == []
    recorder.stop()
    recorder = Recorder(tmp_path / "c", clock, plugin_code=False)
    recorder.start()
    time.sleep(0.7)
    assert recorder.store.alarm_events() == []
    now = clock.wall_ms()
    live = ReceivedChunk(
        (NamedStream("scada", "P-1", False, "bar"),), (), ("scada",),
        (MessageRecord(0, 9, 0, 1, now, 1),),
        ReceivedPoints(
            np.zeros(1, np.int32), np.array([now]), np.array([99.0]), np.zeros(1, np.uint8),
            np.zeros(1, np.int32), np.zeros(1, np.int32),
        ),
    )  # fmt: skip
    feed = RecorderDoor(recorder, past=False)

    def raised() -> bool:
        feed.take(replace_time(live, clock.wall_ms()))
        return bool(recorder.store.alarm_events())

    until(raised)
    recorder.stop()


def replace_time(one: ReceivedChunk, now: int) -> ReceivedChunk:
    """The same value again, now: rules may want it to last."""
    message = msgspec.structs.replace(one.messages[0], seq=now, hash64=now)
    points = dataclasses.replace(one.points, time_ms=np.array([now]))
    return dataclasses.replace(one, messages=(message,), points=points)
