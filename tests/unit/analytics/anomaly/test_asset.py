"""All signals of one asset at once: those that decided are named, the future decides nothing."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lamplighter.analytics.anomaly import Columns, Event, asset

Floats = npt.NDArray[np.float64]
FIT = 400
AT = 600


def loop(rows: int = 1_000, seed: int = 3) -> Columns:
    """A pump loop: flow and current go together, pressure is noise, temperature wanders slowly."""
    rng = np.random.default_rng(seed)
    load = np.convolve(rng.normal(0, 1, rows + 9), np.ones(10) / 10, "valid")
    values = np.column_stack(
        [
            30 + load + rng.normal(0, 0.4, rows),
            5 + 0.3 * load + rng.normal(0, 0.1, rows),
            rng.normal(2.0, 0.2, rows),
            70 + np.cumsum(np.convolve(rng.normal(0, 0.02, rows + 19), np.ones(20) / 20, "valid")),
        ]
    )
    names = ("flow", "current", "pressure", "temperature")
    return Columns(names, np.arange(rows) * 1_000, values, ("l/min", "A", "bar", "°C"))


def shifted(columns: Columns, place: int, by: float, begin: int, end: int) -> Columns:
    values = columns.values.copy()
    values[begin:end, place] += by
    return Columns(columns.names, columns.time_ms, values, columns.units)


def test_a_fault_is_found_soon_ends_soon_and_names_its_signal() -> None:
    columns = shifted(loop(), 2, -1.0, AT, AT + 200)
    model = asset.fit(columns.part(0, FIT))
    judged = asset.judge(model, columns, since=FIT)
    found = asset.findings(model, columns, judged)
    assert len(found) == 1
    begin, end = found[0].begin_ms // 1_000, found[0].end_ms // 1_000
    assert AT < begin < AT + 15
    assert AT + 200 <= end < AT + 240
    assert found[0].signals[0].signal == "pressure"
    assert found[0].signals[0].spreads < -1
    assert found[0].reason.startswith("pressure is 0.")
    assert "bar, below its usual 1." in found[0].reason
    assert len(found[0].similar) == 3


def test_calm_rows_raise_nothing_though_the_temperature_wanders() -> None:
    columns = loop()
    model = asset.fit(columns.part(0, FIT))
    assert not asset.judge(model, columns, since=FIT).alarm.any()
    slow, quick = model.limit[3] / model.limit[2], 1.0
    assert slow > quick


def test_scores_do_not_change_when_the_future_is_shuffled_or_cut() -> None:
    columns = shifted(loop(), 2, -1.0, AT, AT + 200)
    model = asset.fit(columns.part(0, FIT))
    whole = asset.judge(model, columns, since=FIT)
    for cut in (FIT + 1, AT + 5, AT + 100):
        values = columns.values.copy()
        np.random.default_rng(cut).shuffle(values[cut:])
        for other in (
            Columns(
                columns.names,
                columns.time_ms,
                values * np.where(np.arange(1_000) < cut, 1, 9)[:, None],
            ),
            columns.part(0, cut),
        ):
            judged = asset.judge(model, other, since=FIT)
            assert np.array_equal(judged.score[:cut], whole.score[:cut], equal_nan=True)
            assert np.array_equal(judged.alarm[:cut], whole.alarm[:cut])


def test_the_model_is_made_of_the_past_alone_and_of_no_label() -> None:
    columns = loop()
    other = shifted(columns, 1, 50.0, FIT, 1_000)
    one, two = asset.fit(columns.part(0, FIT)), asset.fit(other.part(0, FIT))
    assert np.array_equal(one.limit, two.limit)
    assert np.array_equal(one.level, two.level)


def test_order_and_scale_of_signals_and_a_constant_one_change_nothing_that_matters() -> None:
    columns = shifted(loop(), 2, -1.0, AT, AT + 200)
    order = [3, 1, 0, 2]
    values = columns.values[:, order] * np.array([0.01, 3.0, 1_000.0, 7.0]) + 5.0
    turned = Columns(
        (*(columns.names[k] for k in order), "constant"),
        columns.time_ms,
        np.column_stack([values, np.full(1_000, 4.0)]),
    )
    one = asset.judge(asset.fit(columns.part(0, FIT)), columns, since=FIT)
    two = asset.judge(asset.fit(turned.part(0, FIT)), turned, since=FIT)
    assert np.array_equal(one.alarm, two.alarm)
    assert np.allclose(one.score, two.score, equal_nan=True, rtol=1e-6)


def test_signals_plausible_alone_but_not_together_are_found_where_the_past_is_long() -> None:
    columns = loop(rows=4_000)
    values = columns.values.copy()
    values[3_500:, 1] = 5 - (values[3_500:, 1] - 5)
    values[3_500:, 0] = 30 + np.abs(values[3_500:, 0] - 30)
    values[3_500:, 1] = 5 - 0.3 * np.abs(values[3_500:, 0] - 30)
    broken = Columns(columns.names, columns.time_ms, values, columns.units)
    model = asset.fit(columns.part(0, 3_000))
    assert model.weight.any()
    assert not asset.judge(model, columns, since=3_000).alarm.any()
    found = asset.findings(model, broken, asset.judge(model, broken, since=3_000))
    assert found
    assert {s.signal for s in found[0].signals} <= {"flow", "current"}


def test_repairs_are_no_anomaly_and_too_little_past_is_not_judged() -> None:
    columns = shifted(loop(), 2, -1.0, AT, 1_000)
    model = asset.fit(columns.part(0, FIT))
    assert asset.judge(model, columns, since=FIT).alarm[AT + 20 :].any()
    repair = Event((AT - 2) * 1_000, (AT + 2) * 1_000, "pressure")
    assert not asset.judge(model, columns, (repair,), FIT).alarm.any()
    nothing = asset.judge(asset.fit(columns.part(0, 20)), columns)
    assert np.isnan(nothing.score).all()
    assert not nothing.alarm.any()
