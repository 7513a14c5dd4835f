"""Whatever order messages come in, how often and how late: stored and shown is the same.

Every scenario is a source with a few messages, of one life or two, whose phenomenon times go up.
They arrive shuffled, up to five times each, in batches of any size, old lives after new ones. What
is stored must be each point once; what is shown must be the value of the latest phenomenon time.
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.kit.clocks import FakeClock
from tests.kit.feeds import FeedBuilder
from tests.unit.store.store_kit import Bench

from lamplighter.domain.field_message import RawMessage
from lamplighter.domain.observation import Committed
from lamplighter.pipeline import Pipeline
from lamplighter.twin import empty, step
from lamplighter.twin.state import TwinState

Row = dict[str, Any]
Key = tuple[str, int, int, int]
TIER: Final = "N3"
SHORT: Final = {"orders": 1_500}
LONG: Final = {"orders": 40_000}
STREAMS: Final = 3


@dataclass
class Truth:
    """What was sent: by key, and the latest value of each datastream."""

    points: dict[Key, tuple[str, int, float]] = field(default_factory=dict)
    latest: dict[tuple[str, str], tuple[int, float]] = field(default_factory=dict)


def order(size: dict[str, int], folder: Path) -> Row:
    """The row of the table."""
    found = run(size["orders"], folder)
    return {
        "promise": "Order, repetition and delay of messages change neither what is stored nor "
        "what is shown",
        "trials": f"{found['orders']:,} random arrivals of {found['messages']:,} messages, each "
        f"sent one to five times ({found['arrivals']:,} arrivals), sources born again included",
        "result": f"{found['missing']} points missing, {found['twice']} stored twice, "
        f"{found['altered']} altered; {found['shown_wrong']} of {found['shown']:,} datastreams "
        "show another value than that of the latest phenomenon time",
        "not_shown": "two messages that give one datastream different values for the same "
        "millisecond: there the later arrival is shown",
        "bound": f"< {300 / found['orders']:.2g} % of arrivals (95 %)" if found["passed"] else "",
        "passed": found["passed"],
        "figures": found,
    }


def run(
    orders: int,
    folder: Path,
    *,
    seed: int = 17,
    fold: Callable[[TwinState, Committed], TwinState] = step,
) -> dict[str, Any]:
    """Play `orders` scenarios through decoder, store and the fold of the present state."""
    rng = random.Random(seed)
    bench = Bench(folder)
    pipeline = Pipeline(clock=bench.clock)
    truth, state = Truth(), empty()
    messages = arrivals = 0
    for number in range(orders):
        sent = list(_scenario(number, rng, bench.clock, truth))
        came = [m for m in sent for _ in range(rng.choice((1, 1, 2, 5)))]
        if rng.random() < 0.7:
            rng.shuffle(came)
        messages, arrivals = messages + len(sent), arrivals + len(came)
        for batch in _batches(came, rng):
            state = fold(state, bench.commit(pipeline.take(batch)))
            bench.clock.advance(rng.randrange(0, 300))
    try:
        return {
            "orders": orders,
            "messages": messages,
            "arrivals": arrivals,
            **_judge(bench, truth, state),
        }
    finally:
        bench.store.close()


def _scenario(
    number: int, rng: random.Random, clock: FakeClock, truth: Truth
) -> Iterable[RawMessage]:
    device = FeedBuilder(clock, f"s-{number}")
    begun = clock.wall_ms() - 600_000
    for life in range(rng.choice((1, 1, 2))):
        device.epoch = rng.randrange(2**53)
        for seq in range(rng.randrange(2, 8)):
            points = []
            for place in range(rng.randrange(1, 4)):
                name = f"P-{rng.randrange(STREAMS)}"
                when = begun + life * 100_000 + seq * 1_000 + place
                value = float(rng.randrange(10_000))
                points.append((name, when, value))
                truth.points[device.source, device.epoch, seq, place] = (name, when, value)
                known = truth.latest.get((device.source, name), (0, 0.0))
                truth.latest[device.source, name] = max(known, (when, value))
            yield device.message(seq, points)


def _batches(came: list[RawMessage], rng: random.Random) -> Iterable[list[RawMessage]]:
    at = 0
    while at < len(came):
        size = rng.randrange(1, 8)
        yield came[at : at + size]
        at += size


def _judge(bench: Bench, truth: Truth, state: TwinState) -> dict[str, Any]:
    seen: dict[Key, tuple[str, int, float]] = {}
    twice = altered = 0
    for row in bench.store.export_rows():
        key = (row.source, row.epoch, row.seq, row.n)
        twice += key in seen
        seen[key] = (row.datastream.rpartition("/")[2], row.phenomenon_time_ms, float(row.value))
        altered += truth.points.get(key) != seen[key]
    shown_wrong = 0
    ids = {(s.source, s.name): s.id for s in bench.store.datastreams()}
    newest = bench.store.newest()
    for name, (when, value) in truth.latest.items():
        at = ids[name]
        right = (when, value)
        shown_wrong += (int(state.time_ms[at]), float(state.value[at])) != right
        shown_wrong += (int(newest.time_ms[at]), float(newest.value[at])) != right
    missing = len(truth.points.keys() - seen.keys())
    return {
        "missing": missing,
        "twice": twice,
        "altered": altered,
        "shown": len(truth.latest),
        "shown_wrong": shown_wrong,
        "passed": missing + twice + altered + shown_wrong == 0,
    }


PARTS: Final[dict[str, Callable[[dict[str, int], Path], Row]]] = {"order": order}

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        print(order({"orders": int(sys.argv[1])}, Path(place)))
