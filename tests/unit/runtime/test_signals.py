"""What a worker is asked when the newest hours of all signals are judged."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from tests.kit.clocks import FakeClock

from lamplighter.domain.anomaly import KnownEvent
from lamplighter.domain.city import Datastream
from lamplighter.runtime.signal_ring import ROWS, STEP_MS
from lamplighter.runtime.signals import SignalDesk

DAY_MS = 86_400_000


def desk() -> SignalDesk:
    """Two signals of one pump, known over all days that are kept."""
    streams = [Datastream(k, "s", f"signal {k}", "bar", "pressure", "P-1") for k in range(2)]
    city = SimpleNamespace(streams=streams, by_asset={"P-1": (0, 1)}, name_of=lambda a: a)
    relations = SimpleNamespace(watch=SimpleNamespace(covers=lambda asset: False))
    clock = FakeClock()
    room = SimpleNamespace(
        core=SimpleNamespace(city=city), clock=clock,
        anomalies=SimpleNamespace(relations=relations),
    )  # fmt: skip
    made = SignalDesk(room)  # type: ignore[arg-type]
    made.ring.values = np.zeros((ROWS, 2), np.float32)
    made.ring.slot = clock.wall_ms() // STEP_MS - 1
    return made


def test_a_repair_of_long_ago_is_no_new_beginning_of_the_last_days() -> None:
    judge = desk()
    now = judge._recorder.clock.wall_ms()
    old = [
        KnownEvent("P-1", now - d * DAY_MS, now - d * DAY_MS, f"order {d}", anew=True)
        for d in range(20, 5_000, 20)
    ]
    late = KnownEvent("P-1", now - DAY_MS, now - DAY_MS, "order of yesterday", anew=True)

    window = judge.window((*old, late))

    assert window is not None
    assert {e.end_ms for e in window.events} == {late.to_ms}
    assert len(window.events) == 2  # one for each signal
