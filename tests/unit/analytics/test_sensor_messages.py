"""Repeats value for value, and what the messages of a sender give away."""

from __future__ import annotations

import random

import numpy as np
import pytest

from lamplighter.analytics.suspicion import repeated, traffic
from lamplighter.analytics.suspicion.repeated import KNOWN, RepeatWatch
from lamplighter.analytics.suspicion.traffic import Heard, TrafficWatch

NOW = 1_795_305_600_000


def feed(watch: RepeatWatch, columns: dict[int, np.ndarray]) -> set[int]:
    found: set[int] = set()
    for values in zip(*columns.values(), strict=True):
        ids = np.array(list(columns), np.int32)
        found |= set(watch.take(ids, np.array(values, np.float64)).tolist())
    return found


def test_a_replayed_stretch_is_found_and_an_honest_one_is_not() -> None:
    luck = np.random.default_rng(3)
    past = luck.normal(5.0, 1.0, 400).round(2)
    honest = luck.normal(5.0, 1.0, 460).round(2)
    replayed = np.concatenate([past, past[100:160]])
    assert feed(RepeatWatch(), {3: replayed, 7: honest}) == {3}


def test_a_sensor_at_rest_or_with_a_cycle_of_its_own_repeats_nothing() -> None:
    rest = np.full(600, 7.5)
    cycle = np.tile(np.arange(40.0), 15)
    switch = np.tile([0.0, 0.0, 1.0, 1.0], 150)
    assert feed(RepeatWatch(), {0: rest, 1: cycle, 2: switch}) == set()


def test_several_values_of_one_datastream_in_a_batch_are_taken_in_order() -> None:
    luck = np.random.default_rng(4)
    past = luck.normal(0.0, 1.0, KNOWN + 60)
    watch = RepeatWatch()
    ids = np.zeros(past.size, np.int32)
    assert watch.take(ids, past).size == 0
    assert watch.take(ids[:40], past[50:90]).tolist() == [0]


def steady(watch: TrafficWatch, count: int, *, seq: int = 0, epoch: int = 1) -> list[str]:
    told: list[str] = []
    for n in range(count):
        at = NOW + 1_000 * (seq + n)
        told += kinds(watch, Heard(0, epoch, seq + n, at, at, at))
    return told


def kinds(watch: TrafficWatch, *messages: Heard) -> list[str]:
    return [s.kind for s in watch.take(messages)]


def test_a_steady_sender_and_its_resends_are_no_sign() -> None:
    watch = TrafficWatch()
    told = steady(watch, 100)
    late = NOW + 101_000
    told += kinds(watch, *(Heard(0, 1, n, late + n, NOW + n, NOW + n) for n in range(20, 60)))
    assert told == []


def test_a_sender_that_begins_anew_is_no_sign() -> None:
    watch = TrafficWatch()
    assert steady(watch, 50) + steady(watch, 50, seq=60, epoch=2) == []


@pytest.mark.parametrize("kind", ["two lives", "two counts"])
def test_two_that_use_one_name_are_told(kind: str) -> None:
    watch = TrafficWatch()
    told = steady(watch, 30)
    for n in range(12):
        at = NOW + 40_000 + 1_000 * n
        other = Heard(0, 9, n, at, at, at) if kind == "two lives" else Heard(
            0, 1, 5_000 + n, at, at, at
        )  # fmt: skip
        told += kinds(watch, other, Heard(0, 1, 30 + n, at + 1, at + 1, at + 1))
    assert "second publisher" in told


def test_new_messages_with_old_times_are_told() -> None:
    watch = TrafficWatch()
    steady(watch, 30)
    old = NOW - 3_600_000
    told = []
    for n in range(5):
        told += kinds(watch, Heard(0, 1, 30 + n, NOW + 31_000 + n, old + n, old + n))
    assert "back-dated" in told


def test_a_clock_that_jumps_ahead_is_told() -> None:
    watch = TrafficWatch()
    steady(watch, 30)
    told = []
    for n in range(5):
        at = NOW + 31_000 + 1_000 * n
        told += kinds(watch, Heard(0, 1, 30 + n, at, at + 90_000, at + 90_000))
    assert "clock jump" in told


def test_a_flood_is_told_and_a_busy_sender_is_not() -> None:
    watch = TrafficWatch()
    told = []
    for n in range(4_000):  # forty a second for a hundred seconds: its usual way
        at = NOW + 25 * n
        told += kinds(watch, Heard(1, 1, n, at, at, at))
    assert told == []
    steady(watch, 60)
    for n in range(600):
        at = NOW + 60_000 + 5 * n
        told += kinds(watch, Heard(0, 1, 60 + n, at, at, at))
    assert "flood" in told


def test_a_datastream_by_itself_is_judged_as_among_others(monkeypatch: pytest.MonkeyPatch) -> None:
    luck = np.random.default_rng(5)
    batches = []
    for number in range(30):
        ids = luck.integers(0, 3, 120).astype(np.int32)
        values = luck.normal(0.0, 1.0, 120).round(2)
        if number % 5 == 4:
            ids, values = batches[number - 2]
        elif number % 3 == 1:
            values = np.repeat(values[:40], 3)
        batches.append((ids, values))
    found = []
    for alone in (lambda counts: np.arange(counts.size), lambda _: np.zeros(0, np.intp)):
        monkeypatch.setattr(repeated, "_alone", alone)
        watch = RepeatWatch()
        told = [watch.take(*batch).tolist() for batch in batches]
        found.append((told, watch._run.tolist(), watch._fresh.tolist(), watch._late.tolist()))
    assert found[0] == found[1]
    assert any(found[0][0])


@pytest.mark.parametrize("seed", range(4))
def test_many_messages_at_once_give_the_same_signs_as_one_by_one(seed: int) -> None:
    luck = random.Random(seed)
    single, together = TrafficWatch(), TrafficWatch()
    at, seqs, noticed = NOW, [0] * 3, 0
    for _ in range(300):
        many = []
        for _ in range(luck.choice([1, 5, 40, 200])):
            source = luck.randrange(3) if luck.random() < 0.02 else len(many) // 70
            at += luck.choice([0, 1, 1, 20, 300])
            seqs[source] += luck.choice([1] * 60 + [0, 3, -4, 80, -80])
            late = luck.choice([0] * 300 + [90_000, -90_000, -40_000])
            epoch = 2 if luck.random() < 0.002 else 1
            last = 0 if luck.random() < 0.005 else at - late
            many.append(Heard(source, epoch, max(0, seqs[source]), at, last, last))
        at += luck.choice([0, 100, 4_000])
        one = {(s.source, s.kind): s for m in many for s in single.take([m])}
        more = {(s.source, s.kind): s for s in together.take(many)}
        assert one == more
        assert single._senders == together._senders
        noticed += len(one)
    assert noticed > 0


def test_a_quiet_run_is_noted_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    watch = TrafficWatch()
    steady(watch, 20)
    monkeypatch.setattr(traffic, "_signs", lambda *_: pytest.fail("each was looked at"))
    run = [Heard(0, 1, 20 + n, NOW + 19_500 + n, NOW, NOW) for n in range(50)]
    assert watch.take(run) == []
