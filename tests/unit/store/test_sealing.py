"""Sealed history answers exactly like the hot one, and no crash on the way loses any of it."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.unit.store.store_kit import Bench, columns, message, names, simple

from lamplighter.domain.alarm import AlarmEvent, AlarmRecord, AlarmState
from lamplighter.domain.observation import Batch
from lamplighter.domain.retention import Retention
from lamplighter.store import OutgoingStore, Store, damage, past, rebuild, rollup, slices
from lamplighter.store.batches import DecodedBatches
from lamplighter.store.catalogue import ExpiryNote, Tier, segment_name
from lamplighter.store.cells import PART
from lamplighter.store.connections import open_reading
from lamplighter.store.parts import preview
from lamplighter.store.retention import expire
from lamplighter.store.sealer import Sealer

STREAMS = PART + 3
MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a small history has many runs, slices and chunks."""
    monkeypatch.setattr(rollup, "FLUSH_POINTS", 90)
    monkeypatch.setattr(rollup, "MERGED_AT_ONCE", 4)
    monkeypatch.setattr("lamplighter.store.sealer.SLICE_POINTS", 200)
    monkeypatch.setattr(slices, "CHUNK_POINTS", 40)


def play(bench: Bench, batches: int, *, step_ms: int = MINUTE, first: int = 0) -> None:
    """Batches with several messages, late and early points, words, bad values and empty ones."""
    rng = np.random.default_rng(5 + first)
    for seq in range(first, first + batches):
        now = bench.clock.wall_ms()
        back = int(rng.integers(0, 3 * HOUR)) if seq % 5 == 4 else 0
        rows = []
        for k in range(12):
            stream = int(rng.integers(0, STREAMS - 1))
            value = round(float(rng.normal(50, 9)), 2) if k % 4 else float(rng.normal())
            value = float("nan") if rng.random() < 0.02 else value
            rows.append((stream, now - back - k * 7 + int(rng.integers(-5, 400)), value,
                         int(rng.integers(0, 3)), k // 5))  # fmt: skip
        if seq % 7 == 6:
            rows = rows[:0]
        letters = tuple(message(seq * 3 + i, 5, source=0) for i in range(3 if rows else 1))
        more: Any = names(STREAMS) if not seq else {}
        bench.commit(Batch(letters, columns(rows), **more))
        bench.clock.advance(step_ms)


def answers(store: Store, times: list[int]) -> dict[str, Any]:
    """All that can be asked, as plain values."""
    found: dict[str, Any] = {
        "rows": [repr(r) for r in store.export_rows()],
        "some": [repr(r) for r in store.export_rows(times[1], times[2])],
        "newest": state(store.newest()),
        "gaps": store.gaps(),
        "first": store.first_ms(),
        "batches": [
            (b.number, b.wall_ms, b.hash, b.messages, b.points.message.tolist())
            for b in store.recorded()
        ],
    }
    for at in times:
        found[f"truth {at}"] = state(store.moment(at, False))
        found[f"known {at}"] = state(store.moment(at, True))
    for stream in (0, 3, STREAMS - 2, STREAMS - 1):
        for low, high in ((0, 1 << 62), (times[1], times[2]), (times[2] + 13, times[2] + 9000)):
            for points in (2, 40, 100_000):
                for known in (None, times[1], times[3]):
                    series = store.series(stream, low, high, points, known)
                    found[f"{stream} {low} {high} {points} {known}"] = repr(
                        [a.tolist() for a in (series.time_ms, series.value, series.quality,
                                              series.low, series.high)] + [series.reduced]
                    )  # fmt: skip
    return found


def state(values: Any, *, when: bool = True) -> str:
    known = (values.batch, values.wall_ms) if when else ()
    return repr((known, values.time_ms.tolist(), values.value.tolist(), values.quality.tolist()))


def sealer(bench: Bench, **more: Any) -> Sealer:
    return Sealer(bench.folder, bench.store.writer, bench.clock, **more)


def seal(bench: Bench, **more: Any) -> Any:
    made = sealer(bench, **more)
    try:
        made.seal()
        return made.merge()
    finally:
        made.close()


def differing(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    return [k for k in before if before[k] != after[k]]


def moments(bench: Bench, start: int) -> list[int]:
    span = bench.clock.wall_ms() - start
    return [start - 1, start + span // 5, start + span // 2, start + span * 4 // 5,
            start + span + HOUR]  # fmt: skip


@pytest.mark.parametrize("jump", [0, -2 * HOUR])
def test_every_answer_is_the_same_after_sealing_and_after_reopening(
    bench: Bench, jump: int
) -> None:
    start = bench.clock.wall_ms()
    play(bench, 130)
    bench.clock.advance(jump)
    play(bench, 60, first=130)
    times = moments(bench, start)
    before = answers(bench.store, times)
    report = seal(bench)
    assert len(report.sealed) >= 3
    assert report.points > 1000
    assert differing(before, answers(bench.store, times)) == []
    assert bench.store.verify().ok, bench.store.verify().findings
    bench.reopen()
    assert differing(before, answers(bench.store, times)) == []


def test_hot_rows_are_gone_and_a_late_repeat_is_still_a_duplicate(bench: Bench) -> None:
    play(bench, 130)
    seal(bench)
    sql = bench.store._readers.history
    last = sql.execute("SELECT max(to_batch) FROM segment").fetchone()[0]
    assert last >= 100
    for table in ("batch", "body"):
        assert sql.execute(f"SELECT min(number) FROM {table}").fetchone()[0] > last
    again = bench.commit(simple(1, [(0, bench.clock.wall_ms(), 1.0)]))
    assert not again.messages
    assert again.accounts[0][1].duplicate == 1


class Killed(BaseException):
    """Stands for the end of the process."""


STEPS = ("slice", "written", "named", "entered", "swept")


@pytest.mark.parametrize("step", STEPS)
def test_a_crash_at_any_step_leaves_the_old_or_the_new_state(
    bench: Bench, tmp_path: Path, step: str
) -> None:
    start = bench.clock.wall_ms()
    play(bench, 130)
    times = moments(bench, start)
    before = answers(bench.store, times)
    seen = 0

    def reached(name: str) -> None:
        nonlocal seen
        seen += name == step
        if name == step and seen == 2:
            shutil.copytree(bench.folder, tmp_path / "image")
            raise Killed

    with pytest.raises(Killed):
        seal(bench, reached=reached)
    image = tmp_path / "image"
    (image / "lock").unlink()
    bench.store.close()
    bench.folder = image
    bench.store = Store.open(image, write=True, clock=bench.clock)
    assert differing(before, answers(bench.store, times)) == []
    assert bench.store.verify().ok, bench.store.verify().findings
    seal(bench)
    assert differing(before, answers(bench.store, times)) == []
    assert bench.store.verify().ok


def test_hours_become_days_and_days_become_months_with_the_same_answers(bench: Bench) -> None:
    start = bench.clock.wall_ms()
    play(bench, 80, step_ms=70 * MINUTE)
    times = moments(bench, start)
    before = answers(bench.store, times)
    seal(bench)
    hours = len(list((bench.folder / "segments").glob("*.seg")))
    for later, fewest in ((9 * DAY, 8), (120 * DAY, 3)):
        bench.clock.advance(later)
        seal(bench)
        seal(bench)  # files that were merged go a round later
        files = sorted(f.name for f in (bench.folder / "segments").glob("*.seg"))
        assert len(files) <= fewest < hours, files
        assert differing(before, answers(bench.store, times)) == []
        assert bench.store.verify().ok, bench.store.verify().findings


def test_the_writer_goes_on_while_hours_are_sealed(bench: Bench) -> None:
    play(bench, 130)
    committed: list[int] = []

    def reached(name: str) -> None:
        if name in ("slice", "entered"):
            number = 1000 + len(committed)
            rows = [(0, bench.clock.wall_ms(), 1.0)]
            committed.append(bench.commit(simple(number * 3, rows)).number)

    seal(bench, reached=reached)
    assert len(committed) > 3
    assert len(list(bench.store.recorded())) == bench.store.last_batch()
    assert bench.store.verify().ok, bench.store.verify().findings


# ---------------------------------------------------------------- retention
def alarm(bench: Bench, at_ms: int) -> None:
    record = AlarmRecord("r", "a", 0, AlarmState.UNACK, 1, "t", True, at_ms, at_ms)
    event = AlarmEvent("r", "a", 1, at_ms, "raised", AlarmState.NORM, record.state, record)
    bench.store.writer.call(lambda access: access.put_alarm_events([event])).result(20)


def keep(bench: Bench, policy: Retention, **more: Any) -> list[str]:
    made = sealer(bench, **more)
    city = open_reading(bench.folder / "city.db")
    try:
        made.seal()
        return expire(made, city, policy)
    finally:
        made.close()
        city.close()


def test_old_points_expire_signed_but_for_the_surroundings_of_alarms(bench: Bench) -> None:
    start = bench.clock.wall_ms()
    play(bench, 190)
    alarm_ms = start + 70 * MINUTE
    alarm(bench, alarm_ms)
    before = list(bench.store.export_rows())
    whole = bench.store.series(0, start - DAY, start + 190 * MINUTE, 5)
    seal(bench)
    bench.clock.advance(2 * DAY)
    play(bench, 5, first=190)
    last = bench.store._readers.history.execute("SELECT max(to_batch) FROM segment").fetchone()[0]
    key = Ed25519PrivateKey.generate()
    signed: list[bytes] = []

    def sign(data: bytes) -> bytes:
        signed.append(data)
        return key.sign(data)

    assert keep(bench, Retention()) == []
    done = keep(bench, Retention(raw_days=1), sign=sign)
    assert len(done) >= 3
    assert signed
    rows = list(bench.store.export_rows())
    near = [r for r in before if abs(r.phenomenon_time_ms - alarm_ms) <= 15 * MINUTE]
    late = {r.seq // 3 for r in rows if r.seq // 3 >= 190}
    old = [r for r in rows if r.seq // 3 < last]
    # repr: NaN is equal to nothing
    assert [repr(r) for r in old] == [repr(r) for r in near if r.seq // 3 < last]
    assert near
    assert late
    report = bench.store.verify(lambda data, signature: _signed(key, data, signature))
    assert report.ok, report.findings
    assert len(report.expired) == len(done)
    assert "missing" not in " ".join(report.expired)
    cells = bench.store.series(0, start - DAY, start + 190 * MINUTE, 5)
    assert cells.low.tolist() == whole.low.tolist()
    assert cells.high.tolist() == whole.high.tolist()


def _signed(key: Ed25519PrivateKey, data: bytes, signature: bytes) -> bool:
    try:
        key.public_key().verify(signature, data)
    except InvalidSignature:
        return False
    return True


def test_every_batch_of_a_sealed_file_that_cannot_be_read_is_damaged(bench: Bench) -> None:
    play(bench, 190)
    seal(bench)
    sql = bench.store.history_sql
    name, first, last = sql.execute(
        "SELECT name, from_batch, to_batch FROM segment ORDER BY from_batch LIMIT 1 OFFSET 1"
    ).fetchone()
    bench.reopen()
    (bench.folder / "segments" / f"{name}.seg").unlink()
    found = list(bench.store.recorded())
    assert [b.number for b in found] == list(range(1, bench.store.last_batch() + 1))
    assert [b.number for b in found if b.damaged] == list(range(first, last + 1))
    given = OutgoingStore(bench.store).batches(1, 190, 1 << 30)
    assert [b.number for b in given if b.damaged] == list(range(first, last + 1))


def test_an_altered_note_of_expiry_is_found(bench: Bench) -> None:
    play(bench, 130)
    seal(bench)
    bench.clock.advance(2 * DAY)
    key = Ed25519PrivateKey.generate()
    keep(bench, Retention(raw_days=1), sign=key.sign)
    bench.store.close()
    sql = sqlite3.connect(bench.folder / "history.db")
    body = sql.execute("SELECT note FROM segment ORDER BY from_batch LIMIT 1").fetchone()[0]
    note = msgspec.msgpack.decode(body, type=ExpiryNote)
    other = msgspec.msgpack.encode(msgspec.structs.replace(note, policy="by hand"))
    sql.execute("UPDATE segment SET note=? WHERE note=?", (other, body))
    sql.commit()
    sql.close()
    bench.store = Store.open(bench.folder, write=False, clock=bench.clock)
    report = bench.store.verify(lambda data, signature: _signed(key, data, signature))
    assert not report.ok
    assert "note of expiry" in str(report.first_bad)


def test_after_the_rollups_nothing_but_the_notes_is_left(bench: Bench) -> None:
    start = bench.clock.wall_ms()
    play(bench, 130)
    alarm(bench, start + 70 * MINUTE)
    seal(bench)
    bench.clock.advance(9 * DAY)
    play(bench, 30, first=130)
    keep(bench, Retention(raw_days=1))
    assert any(r.seq < 300 for r in bench.store.export_rows())
    keep(bench, Retention(raw_days=1, rollup_days=5))
    seal(bench)
    assert not any(r.seq < 300 for r in bench.store.export_rows())
    assert not list((bench.folder / "segments").glob("*.seg"))
    assert bench.store.verify().ok, bench.store.verify().findings
    assert not len(bench.store.series(0, 0, start + 60 * MINUTE, 50).time_ms)
    bench.reopen()
    assert bench.store.verify().ok


def test_hours_recorded_by_a_clock_without_a_battery_take_nothing_with_them(bench: Bench) -> None:
    start = bench.clock.wall_ms()
    play(bench, 130)
    whole = bench.store.series(0, start - DAY, start + 15 * MINUTE, 5)
    lost = 20 * 365 * DAY  # the machine starts twenty years ago, until somebody sets its clock
    bench.clock.advance(-lost)
    play(bench, 70, first=130)
    bench.clock.advance(lost)
    play(bench, 70, first=200)
    seal(bench)
    rule = Retention(raw_days=30, rollup_days=365)
    assert preview(bench.store.history_sql, rule, bench.clock.wall_ms(), 0, 1e9).points == 0
    rows = len(list(bench.store.export_rows()))
    assert keep(bench, rule) == []
    assert len(list(bench.store.export_rows())) == rows
    again = bench.store.series(0, start - DAY, start + 15 * MINUTE, 5)
    assert again.low.tolist() == whole.low.tolist()
    bench.clock.advance(400 * DAY)
    play(bench, 10, first=270)
    assert len(keep(bench, rule)) >= 6  # and in time they go like all others


# ---------------------------------------------------------------- a damaged catalogue
def test_sealed_hours_outlive_a_history_file_that_cannot_be_read_at_all(bench: Bench) -> None:
    start = bench.clock.wall_ms()
    play(bench, 130)
    seal(bench)
    sql = bench.store._readers.history
    sealed = sql.execute("SELECT max(to_batch) FROM segment").fetchone()[0]
    before = [repr(r) for b, r in _by_batch(bench) if b <= sealed]
    times = [start + 20 * MINUTE, start + 65 * MINUTE]
    truth = [state(past.state_at(sql, DecodedBatches(), at, sealed), when=False) for at in times]
    cells = bench.store.series(0, 0, times[1], 10)
    names_before = [(d.id, d.key) for d in bench.store.datastreams()]
    bench.store.close()
    (bench.folder / "history.db").write_bytes(b"\xff" * 4096)
    damage.set_aside(bench.folder, "history.db")
    bench.store = Store.open(bench.folder, write=True, clock=bench.clock)
    assert bench.commit(simple(1, [(0, bench.clock.wall_ms(), 1.0)])).accounts[0][1].duplicate == 1
    now = bench.clock.wall_ms()
    fresh = bench.commit(simple(9_000, [(0, now, 1.0)]))
    assert fresh.number > sealed
    assert [state(bench.store.moment(at, False), when=False) for at in times] == truth
    assert bench.store.newest().time_ms[0] == now
    made = sealer(bench)
    assert rebuild(made) > 2
    assert rebuild(made) == 0
    made.close()
    assert [state(bench.store.moment(at, False), when=False) for at in times] == truth
    after = bench.store.series(0, 0, times[1], 10)
    assert (after.low.tolist(), after.high.tolist()) == (cells.low.tolist(), cells.high.tolist())
    assert [repr(r) for b, r in _by_batch(bench) if b <= sealed] == before
    assert [(d.id, d.key) for d in bench.store.datastreams()] == names_before


def _by_batch(bench: Bench) -> list[tuple[int, Any]]:
    return [
        (batch.number, (batch.wall_ms, batch.messages, batch.points.value.tolist()))
        for batch in bench.store.recorded()
    ]


def test_another_history_in_the_folder_is_never_written_over(bench: Bench) -> None:
    play(bench, 70)
    folder = bench.folder / "segments"
    folder.mkdir(exist_ok=True)
    hour = segment_name(bench.store.first_ms(), Tier.HOUR)
    (folder / f"{hour}.seg").write_bytes(b"somebody's")
    seal(bench)
    assert (folder / f"{hour}.seg").read_bytes() == b"somebody's"
    assert (folder / f"{hour}-1.seg").exists()
    assert bench.store.verify().ok


def test_room_that_a_burst_took_is_given_back_to_the_disk(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lamplighter.store.sealer.SPARE_BYTES", 100_000)
    monkeypatch.setattr("lamplighter.store.sealer.HOT_BYTES", 0.0)
    rng = np.random.default_rng(3)
    for seq in range(30):
        now = bench.clock.wall_ms()
        rows = [(k % 3, now + k, float(rng.normal())) for k in range(2_000)]
        bench.commit(simple(seq, rows, **(names(STREAMS) if not seq else {})))
    bench.reopen()
    before = (bench.folder / "history.db").stat().st_size
    bench.clock.advance(2 * HOUR)
    bench.commit(simple(30, [(0, bench.clock.wall_ms(), 1.0)]))
    seal(bench)
    assert bench.store.verify().ok
    bench.reopen()
    assert (bench.folder / "history.db").stat().st_size < before / 2
    assert bench.store.verify().ok


def test_a_segment_whose_tables_changed_their_words_is_found(bench: Bench) -> None:
    play(bench, 130)
    seal(bench)
    bench.store.close()
    file = sorted((bench.folder / "segments").glob("*.seg"))[0]
    data = file.read_bytes()
    assert data.count(b"heads BLOB") == 1
    file.write_bytes(data.replace(b"heads BLOB", b"hdads BLOB"))
    bench.store = Store.open(bench.folder, write=False, clock=bench.clock)
    report = bench.store.verify()
    assert not report.ok
    assert 1 in report.bad_batches
