"""The short way of plain messages comes to exactly what the long way comes to."""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np
import pytest
from tests.kit.clocks import FakeClock

from lamplighter.domain.field_message import ANNOUNCEMENTS, OBSERVATIONS, RawMessage
from lamplighter.domain.observation import Batch
from lamplighter.pipeline import Pipeline
from lamplighter.pipeline.plain import PlainWay

ODD = ('"on"', "null", "1e400", "true", '"\\u0041"', "9" * 30, "NaN")


def body(luck: random.Random, source: int, seq: int, now: int) -> bytes:
    """Mostly sound."""
    points: list[Any] = [
        [f"P-{luck.randrange(4)}", now - luck.randrange(5_000), luck.random()]
        for _ in range(luck.choice([0, 1, 1, 1, 2, 5, 80]))
    ]
    if points and luck.random() < 0.1:
        points[0].append(luck.choice(["good", "bad", "uncertain", "odd"]))
    if points and luck.random() < 0.05:
        points[-1][1] = luck.choice([0, now + 10**9, 2**63, -(2**63), 1.5])
    text = json.dumps({"epoch": 7 + source % 2, "seq": seq, "points": points})
    if points and luck.random() < 0.1:
        text = text.replace(str(points[0][2]), luck.choice(ODD), 1)
    if luck.random() < 0.03:
        text = text[: luck.randrange(len(text))]
    if luck.random() < 0.02:
        text = text.replace('"seq"', '"seq": 1, "seq"', 1)
    return text.encode()


def messages(luck: random.Random, clock: FakeClock) -> list[RawMessage]:
    """A shuffled and holed stream of four sources over three feeds, announcements among it."""
    found = []
    at = [0] * 4
    for number in range(400):
        source = luck.randrange(4) if luck.random() < 0.3 else number // 50 % 4
        at[source] += luck.choice([1, 1, 1, 1, 1, 1, 0, 3])
        seq = max(0, at[source] - luck.choice([0, 0, 0, 0, 0, 4]))
        feed = f"f{source % 3}"
        topic: str | bytes = f"{OBSERVATIONS}s-{source}"
        payload = body(luck, source, seq, clock.wall_ms())
        if luck.random() < 0.03:
            topic = f"{ANNOUNCEMENTS}s-{source}"
            life = {
                "epoch": 7 + source % 2,
                "first_seq": 0,
                "next_seq": at[source],
                "retains": True,
            }
            payload = json.dumps(life).encode()
        elif luck.random() < 0.02:
            topic = luck.choice([b"\xff", "other/topic", OBSERVATIONS + "a/b", OBSERVATIONS])
        units = {"P-0": "kPa"} if luck.random() < 0.02 else None
        fault = ("D-113", "no reading") if luck.random() < 0.02 else None
        size = 2_000_000 if luck.random() < 0.01 else -1
        found.append(
            RawMessage(topic, payload, clock.wall_ms(), number, feed, clock.monotonic_ms(), size,
                       units=units, fault=fault)
        )  # fmt: skip
    return found


def told(pipeline: Pipeline, batch: Batch) -> tuple[Any, ...]:
    """All that comes of a batch, to be compared."""
    points = batch.points
    columns = [
        (getattr(points, c).dtype, getattr(points, c).tolist())
        for c in ("datastream", "time_ms", "value", "quality", "message", "place")
    ]
    rest = [getattr(batch, f) for f in Batch.__dataclass_fields__ if f != "points"]
    seen = {key: (run.seen.pairs, run.settled, run.jumps, run.holes, run.heard_at, run.progress_at)
            for key, run in pipeline._book._runs.items()}  # fmt: skip
    return columns, rest, seen, pipeline.notices(), pipeline.feed_of(), pipeline.due()


@pytest.mark.parametrize("seed", range(3))
def test_both_ways_come_to_the_same(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    short, taken = PlainWay.take, []

    def noted(self: PlainWay, message: RawMessage, columns: Any) -> bool:
        found = short(self, message, columns)
        taken.append(found)
        return found

    outcomes = []
    for way in (noted, lambda *_: False):
        monkeypatch.setattr(PlainWay, "take", way)
        luck, clock = random.Random(seed), FakeClock()
        pipeline = Pipeline(clock=clock)
        pipeline.use_sharing("f2", True)
        outcome = []
        for _ in range(4):
            clock.advance(luck.choice([10, 1_500]))
            outcome.append(told(pipeline, pipeline.take(messages(luck, clock))))
            if luck.random() < 0.3:
                pipeline.forget_feed("f0")
        outcomes.append(outcome)
    assert outcomes[0] == outcomes[1]
    assert sum(taken) > 300


def test_a_run_in_a_hole_leaves_the_times_of_its_edges() -> None:
    """What a gap says of its neighbours is the same however many messages are told at once."""
    found = []
    for size in (1, 50):
        clock = FakeClock()
        pipeline = Pipeline(clock=clock)
        rows = [
            RawMessage(
                f"{OBSERVATIONS}s",
                json.dumps({"epoch": 1, "seq": seq, "points": [["P", 10**12 + seq, 1.0]]}).encode(),
                clock.wall_ms(), seq, "f", clock.monotonic_ms(),
            )
            for seq in (*range(10), *range(30, 40), *range(15, 25))
        ]  # fmt: skip
        for at in range(0, len(rows), size):
            pipeline.take(rows[at : at + size])
        clock.advance(5_000)
        pipeline.due()
        gaps = pipeline.take().gaps
        found.append(sorted({(g.first, g.last, g.after_ms, g.before_ms) for g in gaps}))
    assert found[0] == found[1]
    assert [g[:2] for g in found[0]] == [(10, 14), (25, 29)]
    assert np.diff([g[2] for g in found[0]]).tolist() == [15]
