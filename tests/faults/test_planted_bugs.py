"""Bugs put in on purpose: each must turn its test red, or the test would prove nothing.

The weaker disk setting is planted by the power-cut test itself, the faults of a broken consumer by
the test of the checker.
"""

from __future__ import annotations

import dataclasses
import sqlite3
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from tests.faults import (
    clocks,
    fuzz_messages,
    gap_truth,
    import_files,
    import_mutants,
    locks,
    part_safety,
    part_tls,
    spoiled,
    starts,
)
from tests.kit import program
from tests.kit.clocks import FakeClock
from tests.kit.feeds import FeedBuilder

from lamplighter.domain.field_message import RawMessage
from lamplighter.domain.observation import Batch, Committed
from lamplighter.pipeline import Pipeline
from lamplighter.runtime.inlet import QUEUE_MESSAGES, Inlet

pytestmark = pytest.mark.faults


class SlowDisk:
    """Stands where the writer stands: it holds each batch until `commit` is called."""

    queue_points = 0
    full_since_ms: int | None = None

    def __init__(self) -> None:
        self.held: list[tuple[Batch, Callable[[Committed | BaseException], None]]] = []

    def submit(self, batch: Batch, done: Callable[[Committed | BaseException], None]) -> None:
        self.held.append((batch, done))

    def fail(self) -> None:
        for _, done in self.held:
            done(OSError("the disk is full"))


class Broker:
    """Stands where the feeds stand: it remembers what was acknowledged."""

    def __init__(self) -> None:
        self.acknowledged: list[int] = []

    def ack(self, tokens: Iterable[int]) -> None:
        self.acknowledged += tokens

    def ask(self, requests: Iterable[Any]) -> int:
        return len(list(requests))


class AcksWhenDecoded(Inlet):
    """What paho does by itself, and what loses data when the power goes."""

    def _take(self, messages: Sequence[RawMessage]) -> None:
        super()._take(messages)
        self._feeds.ack(m.token for m in messages)


def acknowledged_before_disk(kind: type[Inlet]) -> list[int]:
    """Tickets acknowledged although nothing was committed."""
    clock, disk, broker = FakeClock(), SlowDisk(), Broker()
    inlet = kind(
        Pipeline(clock=clock),
        broker,  # type: ignore[arg-type]
        disk,  # type: ignore[arg-type]
        committed=lambda _: None,
        failed=lambda _: None,
        decoded=lambda *_: None,
    )
    inlet.start()
    device = FeedBuilder(clock)
    for seq in range(5):
        assert inlet.deliver(device.message(seq))
    end = time.monotonic() + 30
    while sum(len(b.messages) for b, _ in disk.held) < 5 and time.monotonic() < end:
        time.sleep(0.01)
    disk.fail()
    assert inlet.stop(5)
    return broker.acknowledged


def test_nothing_is_acknowledged_before_it_is_on_disk() -> None:
    assert acknowledged_before_disk(Inlet) == []
    assert len(acknowledged_before_disk(AcksWhenDecoded)) == 5


def test_every_loss_is_shown_and_a_counter_that_wraps_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert gap_truth.as_row(gap_truth.run(150))["passed"]

    class Wraps(Pipeline):
        """Its sequence counter has eight bits: a loss of 256 is none."""

        def take(self, messages: Sequence[RawMessage] = ()) -> Batch:
            batch = super().take(messages)
            gaps = tuple(g for g in batch.gaps if (g.last - g.first + 1) % 256)
            return dataclasses.replace(batch, gaps=gaps)

    monkeypatch.setattr(gap_truth, "Pipeline", Wraps)
    assert gap_truth.run(150).hidden > 0


def test_good_messages_beside_broken_ones_are_kept_and_a_silent_drop_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fuzz_messages.as_row(fuzz_messages.run(1_000, tmp_path / "sound"))["passed"]

    class Drops(Pipeline):
        """One message in fifty never gets in."""

        def take(self, messages: Sequence[RawMessage] = ()) -> Batch:
            return super().take([m for m in messages if m.token % 50])

    monkeypatch.setattr(fuzz_messages, "Pipeline", Drops)
    found = fuzz_messages.as_row(fuzz_messages.run(1_000, tmp_path / "drops"))
    assert not found["passed"]
    assert found["good_lost"] > 0


def test_bad_files_are_told_and_a_reader_that_keeps_silent_or_falls_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def some(url: str) -> list[import_files.Case]:
        made = import_files._bad_xml(url)
        return [case for case in made if case.name.startswith(("prolog", "cut"))]

    monkeypatch.setattr(import_mutants, "by_hand", some)

    def trial(planted: str) -> dict[str, Any]:
        folder = tmp_path / (planted or "real")
        return import_mutants.as_row(import_mutants.run(0, folder, planted=planted))

    assert trial("")["passed"]
    for planted, shown in (
        ("keeps_silent", "silent"), ("lets_declarations_in", "silent"), ("falls_over", "broken"),
    ):  # fmt: skip
        found = trial(planted)
        assert not found["passed"], planted
        assert found[shown] or found["broken"], planted


def test_the_good_files_that_are_damaged_were_good(tmp_path: Path) -> None:
    """Mutants of a file that is refused as it is would prove nothing."""
    from lamplighter.spatial.reader import read_file

    for case in import_files.bases("http://127.0.0.1:9"):
        folder = tmp_path / case.name
        folder.mkdir()
        for name, data in {case.name: case.data, **case.beside}.items():
            (folder / name).write_bytes(data)
        found = read_file(
            folder / case.name, project_frame=import_mutants.FRAME, tiles_folder=tmp_path / "t"
        )
        assert found.report.error is None, case.name


def test_a_wrong_broker_is_refused_and_a_weakened_check_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lamplighter.sources import TlsFiles, mqtt_tls, tls

    real = tls.context_for

    def any_host(files: TlsFiles) -> Any:
        context = real(files)
        context.check_hostname = False
        return context

    def any_authority(files: TlsFiles) -> Any:
        context = real(files)
        assert files.ca is not None
        context.load_verify_locations(str(files.ca.with_name("ca.pem")))
        return context

    def at_once(self: Any) -> None:
        """It does not wait for the server's word on our certificate."""

    names = ("another host", "another authority", "ours is missing")
    assert not any(part_tls.matrix(tmp_path / "sound", names).values())
    monkeypatch.setattr(mqtt_tls, "context_for", any_host)
    assert part_tls.matrix(tmp_path / "host", names)["another host"]
    monkeypatch.setattr(mqtt_tls, "context_for", any_authority)
    assert part_tls.matrix(tmp_path / "authority", names)["another authority"]
    monkeypatch.setattr(mqtt_tls, "context_for", real)
    monkeypatch.setattr(tls.PatientSocket, "_await_verdict", at_once)
    assert part_tls.matrix(tmp_path / "hasty", names)["ours is missing"]


class AcksWhenFull(Inlet):
    """It takes the word 'full' for a word of the disk that holds the batch."""

    def _take(self, messages: Sequence[RawMessage]) -> None:
        self._last = [m.token for m in messages] or getattr(self, "_last", [])
        super()._take(messages)

    def _done(self, outcome: Committed | BaseException) -> None:
        super()._done(outcome)
        if isinstance(outcome, BaseException):
            self._feeds.ack(self._last)


def test_an_acknowledgement_although_the_disk_is_full_is_found_out() -> None:
    assert len(acknowledged_before_disk(AcksWhenFull)) > 0


def test_a_secret_in_the_words_of_a_refusal_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.faults import part_secrets

    from lamplighter.sources import feed

    secret = part_secrets.canary(1)

    def told() -> list[str]:
        words = " ".join(part_secrets.words_of_refusals(secret)).encode()
        return [repr(form) for form in part_secrets.forms(secret) if form in words]

    assert told() == []
    monkeypatch.setattr(feed, "masked", lambda url: url)
    assert told()


class DropsOldest(Inlet):
    """It makes room by forgetting, and says that it took everything."""

    def deliver(self, message: RawMessage) -> bool:
        if self._queue.qsize() >= QUEUE_MESSAGES:
            self._queue.get_nowait()
        return super().deliver(message)


def taken_and_lost(kind: type[Inlet]) -> int:
    """Messages the inlet said it took in a burst, less those that reached the writer."""
    clock, disk = FakeClock(), SlowDisk()
    inlet = kind(
        Pipeline(clock=clock),
        Broker(),  # type: ignore[arg-type]
        disk,  # type: ignore[arg-type]
        committed=lambda _: None,
        failed=lambda _: None,
        decoded=lambda *_: None,
    )
    device = FeedBuilder(clock)
    taken = sum(inlet.deliver(device.message(seq)) for seq in range(QUEUE_MESSAGES + 50))
    inlet.start()
    assert inlet.stop(60)
    return taken - sum(len(b.messages) for b, _ in disk.held)


def test_a_burst_is_held_back_and_a_queue_that_forgets_is_found_out() -> None:
    assert taken_and_lost(Inlet) == 0
    assert taken_and_lost(DropsOldest) == 50


def test_a_copy_that_locks_the_writer_out_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lock_out(folder: Path, *given: Any, **more: Any) -> None:
        sql = sqlite3.connect(folder / "history.db", isolation_level=None)
        sql.execute("BEGIN EXCLUSIVE")
        time.sleep(2.5)
        sql.execute("COMMIT")
        sql.close()

    monkeypatch.setattr(locks, "take_backup", lock_out)
    monkeypatch.setattr(locks, "READERS", 2)
    found = part_safety.locks_row(locks.run(5, tmp_path))
    assert not found["passed"]
    assert found["figures"]["p99_ms"] > part_safety.NEVER_MS


class InProcess:
    """A recorder in this process, where a bug can be planted; it is used as a process is."""

    def __init__(self, project: Path) -> None:
        from lamplighter.domain.clock import SystemClock
        from lamplighter.runtime.recorder import Recorder

        self.recorder = Recorder(project, SystemClock(), plugin_code=False)

    def __enter__(self) -> InProcess:
        self.recorder.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.recorder.stop()

    def ready(self, deadline_s: float) -> None:
        """It is, once it has started."""

    def end(self) -> None:
        self.recorder.store.writer.settled(30)


@pytest.mark.parametrize(
    ("bug", "shows"),
    [
        ("", ""),
        ("works suppress priority 1", "critical_suppressed"),
        ("the list is cut at fifty", "journal"),
        ("acknowledge all is one entry", "audited"),
        ("a row for every alarm", "rows"),
    ],
)
def test_a_flood_is_kept_whole_and_readable_and_each_planted_bug_is_found_out(
    bug: str, shows: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.faults import part_alarms

    from lamplighter.alarms.grouping import grouped
    from lamplighter.alarms.quieting import Quieting
    from lamplighter.governance.audit import AuditFile
    from lamplighter.runtime import alarm_answers
    from lamplighter.runtime.core_loop import CoreLoop

    count = 200
    if bug == "works suppress priority 1":
        covers = Quieting.over
        monkeypatch.setattr(
            Quieting, "over", lambda self, r: covers(self, msgspec.structs.replace(r, priority=2))
        )
    elif bug == "the list is cut at fifty":
        tell = CoreLoop.tell_alarms
        monkeypatch.setattr(
            CoreLoop, "tell_alarms", lambda self, events, **more: tell(self, events[:50], **more)
        )
        monkeypatch.setattr(part_alarms, "PATIENCE_S", 1.0)
    elif bug == "acknowledge all is one entry":
        many = AuditFile.record_many
        monkeypatch.setattr(
            AuditFile, "record_many", lambda self, o, **more: many(self, list(o)[:1], **more)
        )
    elif bug == "a row for every alarm":
        monkeypatch.setattr(
            alarm_answers, "grouped", lambda records, **_: grouped(records, most=10**6)
        )
    found = part_alarms.run_flood(count, tmp_path, InProcess, over_s=1.0)
    assert part_alarms.flood_holds(found) == (not bug), found
    if shows == "rows":
        assert found["rows"] > part_alarms.ROWS
    elif shows:
        assert found[shows] is True or found[shows] < count


FOLLOWS = """
import sys
from lamplighter.runtime import steady_clock
steady_clock.FOLLOWED_MS = 1 << 60  # every jump of the machine's clock is taken at once
from lamplighter.__main__ import main
sys.exit(main())
"""


def test_timers_that_go_by_the_wall_clock_are_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not clocks.possible():
        pytest.skip("no C compiler")
    monkeypatch.setattr(program, "COMMAND", [sys.executable, "-c", FOLLOWS])
    found = part_safety.clocks_row(clocks.run(4, tmp_path, first=1, settle_s=3.0))
    assert not found["passed"]
    assert found["figures"]["stale_seconds"] > 0


def test_a_stamp_of_tomorrow_does_not_hide_todays_values() -> None:
    from lamplighter.twin import state as twin

    assert shown_after_a_future_stamp() == 3.0
    assert shown_after_a_future_stamp(twin, poisoned=True) == 2.0


def shown_after_a_future_stamp(twin: Any = None, *, poisoned: bool = False) -> float:
    """The value shown after one stamp of tomorrow between two of today."""
    from lamplighter.twin import empty, step

    clock = FakeClock()
    pipeline, device = Pipeline(clock=clock), FeedBuilder(clock)
    state = empty()
    before = twin._in_doubt if poisoned else None
    if poisoned:
        twin._in_doubt = lambda quality: quality > 255
    try:
        for seq, (ahead, value) in enumerate(((0, 1.0), (20 * 3_600_000, 2.0), (2_000, 3.0))):
            batch = pipeline.take([device.message(seq, [("P-17", clock.wall_ms() + ahead, value)])])
            done = Committed(seq + 1, clock.wall_ms(), batch.points, batch.messages, (), (), ())
            state = step(state, done)
            clock.advance(1_000)
    finally:
        if poisoned:
            twin._in_doubt = before
    return float(state.value[0])


def test_rights_that_are_too_wide_are_found_out(tmp_path: Path) -> None:
    from tests.faults import part_acl

    def trial(name: str, change: Callable[[str], str] = str) -> list[str]:
        folder = tmp_path / name
        folder.mkdir()
        return list(part_acl.run(folder, 2, 1, change)["wrong"])

    own = "topic write lamplighter/1/obs/dev-1"
    assert trial("as another", lambda acl: acl.replace(own, "topic write lamplighter/1/obs/+"))
    assert trial("everything", lambda acl: acl.replace("topic read city/weather/+", "topic read #"))


BLIND = """
import sys
from lamplighter.cli import screen
screen.need_screen = lambda: None
from lamplighter.__main__ import main
sys.exit(main())
"""


def test_a_start_that_just_aborts_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = next(c for c in starts.cases(tmp_path) if c.name == "no screen")
    assert starts._try(case, tmp_path / "sound") == ""
    monkeypatch.setattr(starts, "COMMAND", [sys.executable, "-c", BLIND])
    assert "ended with" in starts._try(case, tmp_path / "blind")


DELETES = """
import sys
from lamplighter.runtime import careful_start
from lamplighter.store import damage, writer
keep = damage.set_aside
def begin_anew(folder, name):
    found = keep(folder, name)
    damage._remove(folder / found.kept)  # what is damaged is thrown away
    return found
careful_start.set_aside = writer.set_aside = begin_anew
from lamplighter.__main__ import main
sys.exit(main())
"""


def test_a_damaged_history_that_is_thrown_away_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "COMMAND", [sys.executable, "-c", DELETES])
    monkeypatch.setattr(spoiled, "FILES", ("history.db",))
    found = part_safety.damage_row(spoiled.run(1, tmp_path, after=0.4))
    assert not found["passed"]
    assert found["figures"]["thrown_away"] == 1


def test_a_past_that_knows_the_future_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.faults import part_time

    from lamplighter.store import batches, then, timeline

    sound, differed = part_time.wrong_readings(tmp_path / "sound", 6)
    assert not sound and differed
    with monkeypatch.context() as planted:
        planted.setattr(batches, "known_at", lambda sql, _: batches.last_number(sql))
        assert "curves then" in part_time.wrong_readings(tmp_path / "values", 6)[0]
    with monkeypatch.context() as planted:
        everything = lambda self, _: np.ones(len(self), np.bool_)  # noqa: E731
        planted.setattr(timeline.AlarmTimeline, "_counts", everything)
        assert "alarms then" in part_time.wrong_readings(tmp_path / "alarms", 6)[0]
    with monkeypatch.context() as planted:
        real = then.known_at
        planted.setattr(then, "_last_fact", lambda city, _: 1 << 62)
        planted.setattr(
            "lamplighter.store.rewind.known_at",
            lambda sql, at_ms: then.Known(1 << 62, real(sql, 1 << 62).batch, 0),
        )
        assert "orders then" in part_time.wrong_readings(tmp_path / "orders", 6)[0]
