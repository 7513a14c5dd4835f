"""How often a value comes is written down once it is learned, so that the past knows it too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec import structs
from tests.kit.patience import until
from tests.kit.recorders import running

from lamplighter.domain.field_message import OBSERVATIONS, RawMessage
from lamplighter.runtime import cadence
from lamplighter.runtime.cadence import rounded
from lamplighter.runtime.recorder import Recorder
from lamplighter.store import WriteAccess


def _send(recorder: Recorder, name: str, period_ms: int, count: int) -> None:
    clock = recorder.clock
    now = clock.wall_ms()
    points = [[name, now - (count - n) * period_ms, float(n % 5)] for n in range(count)]
    body = json.dumps({"epoch": 4, "seq": 0, "points": points}).encode()
    topic = f"{OBSERVATIONS}{name}"
    recorder.inlet.deliver(
        RawMessage(topic, body, clock.wall_ms(), -1, "f", clock.monotonic_ms())
    )  # fmt: skip


def test_what_nobody_declared_is_written_down_and_what_was_declared_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cadence, "EVERY_MS", 200)
    with running(tmp_path / "town") as recorder:
        for name, period in (("minutely", 60_000), ("second", 1_000), ("few", 60_000)):
            _send(recorder, name, period, 5 if name == "few" else 40)
        _send(recorder, "declared", 60_000, 3)
        until(lambda: len(recorder.store.datastreams()) == 4)

        def declare(access: WriteAccess) -> None:
            known = {d.source: d for d in recorder.store.datastreams()}
            access.put_datastream_meta([structs.replace(known["declared"], period_ms=5_000)])

        recorder.store.writer.call(declare).result(20)

        def periods() -> dict[str, int]:
            return {d.source: d.period_ms for d in recorder.store.datastreams()}

        until(lambda: periods()["minutely"] == 60_000)
        until(lambda: any(s.period_ms == 60_000 for s in recorder.core.city.streams))
        found = periods()
        assert (found["second"], found["few"]) == (1_000, 1_000)
        assert found["declared"] == 5_000


def test_a_learned_period_is_written_as_somebody_would() -> None:
    assert [rounded(p) for p in (2_531, 9_960, 59_731, 3_599_412)] == [
        2_500, 10_000, 60_000, 3_599_000,
    ]  # fmt: skip
