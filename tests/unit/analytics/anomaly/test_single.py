"""One signal at a time: every kind is found and named, and nothing looks ahead."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from lamplighter.analytics.anomaly import Columns, Event, single
from lamplighter.analytics.anomaly.findings import of_single

Floats = npt.NDArray[np.float64]
STEP = 300_000
DAY = 288
START = 1_795_305_600_000
PAST = 14 * DAY
AT = PAST + 150


def city(signals: int = 3, days: int = 17, seed: int = 4) -> Columns:
    rng = np.random.default_rng(seed)
    rows = days * DAY
    time_ms = START + np.arange(rows) * STEP
    noise = rng.normal(0, 0.3, (rows, signals))
    for row in range(1, rows):
        noise[row] += 0.8 * noise[row - 1]
    day = 5 * np.sin(2 * np.pi * np.arange(rows) / DAY)[:, None]
    values = np.round(20 + day + noise, 2)
    return Columns(tuple(f"s{k}" for k in range(signals)), time_ms, values, ("bar",) * signals)


def spoilt(columns: Columns, change: Callable[[Floats], None]) -> Columns:
    values = columns.values.copy()
    change(values)
    return Columns(columns.names, columns.time_ms, values, columns.units)


def kinds(columns: Columns, events: tuple[Event, ...] = ()) -> dict[str, str]:
    model = single.fit(columns.part(0, PAST))
    recent = columns.part(PAST - model.context, columns.rows)
    judged = single.judge(model, recent, events)
    since = int(columns.time_ms[PAST])
    return {f.signals[0].signal: f.kind for f in of_single(model, recent, judged, since)}


def spike(v: Floats) -> None:
    v[AT, 1] += 12


def step(v: Floats) -> None:
    v[AT:, 1] += 6


def creep(v: Floats) -> None:
    v[AT:, 1] += np.linspace(0, 6, v.shape[0] - AT)


def freeze(v: Floats) -> None:
    v[AT : AT + 120, 1] = v[AT, 1]


def shiver(v: Floats) -> None:
    v[AT : AT + 100, 1] += np.random.default_rng(9).normal(0, 2.0, 100)


def replay(v: Floats) -> None:
    v[AT : AT + 100, 1] = v[AT - DAY : AT - DAY + 100, 1]


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (spike, "point"),
        (step, "change"),
        (creep, "drift"),
        (freeze, "stuck"),
        (shiver, "noisy"),
        (replay, "repeat"),
    ],
)
def test_each_kind_is_found_in_its_signal_alone_and_named(
    change: Callable[[Floats], None], kind: str
) -> None:
    assert kinds(spoilt(city(), change)) == {"s1": kind}


def test_nothing_is_found_where_nothing_happened() -> None:
    assert kinds(city(signals=20)) == {}


def test_a_score_does_not_change_by_one_bit_when_the_future_does() -> None:
    columns = spoilt(city(), replay)
    model = single.fit(columns.part(0, PAST))
    whole = single.judge(model, columns)
    for cut in (PAST, AT + 7, AT + 60):
        rng = np.random.default_rng(cut)
        other = columns.values.copy()
        rng.shuffle(other[cut:])
        other[cut:] *= 3.0
        shuffled = single.judge(model, Columns(columns.names, columns.time_ms, other))
        short = single.judge(model, columns.part(0, cut))
        assert np.array_equal(shuffled.measure[:, :cut], whole.measure[:, :cut], equal_nan=True)
        assert np.array_equal(short.measure, whole.measure[:, :cut], equal_nan=True)


def test_limits_come_from_the_past_alone() -> None:
    columns = city()
    spoilt_later = spoilt(columns, step)
    one = single.fit(columns.part(0, PAST))
    other = single.fit(spoilt_later.part(0, PAST))
    assert np.array_equal(one.limit, other.limit)


def test_order_and_scale_of_signals_do_not_matter() -> None:
    columns = spoilt(city(), step)
    model = single.fit(columns.part(0, PAST))
    turned = Columns(columns.names[::-1], columns.time_ms, columns.values[:, ::-1] * 8.0)
    again = single.fit(turned.part(0, PAST))
    one = single.judge(model, columns).score
    other = single.judge(again, turned).score[:, ::-1]
    assert np.allclose(one, other, equal_nan=True, rtol=1e-4)


def test_a_repair_is_no_anomaly_and_the_level_after_it_is_learned_anew() -> None:
    columns = spoilt(city(), step)
    begin, end = int(columns.time_ms[AT - 5]), int(columns.time_ms[AT + 5])
    assert kinds(columns)["s1"] == "change"
    assert kinds(columns, (Event(begin, end, "s1"),)) == {}
    assert "s1" in kinds(columns, (Event(begin, end, "s2"),))


def test_too_little_past_and_a_signal_that_never_moved_are_not_judged_and_say_why() -> None:
    columns = spoilt(city(), lambda v: v[:, 0].fill(7.0))
    values = columns.values.copy()
    values[: PAST - 100, 2] = np.nan
    model = single.fit(Columns(columns.names, columns.time_ms, values).part(0, PAST))
    assert model.why == ("it never moved in the past", "", "too little past")
    judged = single.judge(model, columns)
    assert np.isnan(judged.score[:, [0, 2]]).all()
    assert np.isfinite(judged.score[-1, 1])
    assert single.fit(columns.part(0, 0)).why == ("too little past",) * 3


def test_a_finding_says_in_a_sentence_what_happened_and_shows_three_like_stretches() -> None:
    columns = spoilt(city(), step)
    model = single.fit(columns.part(0, PAST))
    judged = single.judge(model, columns)
    since = int(columns.time_ms[PAST])
    found = of_single(
        model, columns.part(0, AT + 20), single.judge(model, columns.part(0, AT + 20))
    )
    assert found[0].reason.startswith("s1 rose from ")
    assert " bar within " in found[0].reason
    assert len(found[0].similar) == 3
    assert all(w.end_ms < found[0].begin_ms for w in found[0].similar)
    assert found[0].signals[0].spreads > 3
    assert of_single(model, columns, judged, since)[0].begin_ms >= since
