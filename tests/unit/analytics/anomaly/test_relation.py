"""A pump's signals tell each other: a broken relation is found, calm days and odd days are not."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace
from tests.kit.pumping_town import ROWS_A_DAY, columns, pump, worn

from lamplighter.analytics.anomaly import relation
from lamplighter.analytics.anomaly.columns import Columns
from lamplighter.analytics.anomaly.relation import RelationModel
from lamplighter.analytics.anomaly.relation_tables import (
    Histories,
    joined,
    learn,
    load,
    reload,
    table_of,
)
from lamplighter.analytics.model_files import Kept
from lamplighter.domain.problems import LamplighterError
from lamplighter.domain.task import silent

END = 1_795_305_600_000
PAST = 10 * ROWS_A_DAY
LATER = 4 * ROWS_A_DAY
BREAK = 600


@cache
def whole(seed: int = 1) -> Columns:
    return columns(pump(PAST + LATER, seed), END)


@cache
def fitted(seed: int = 1) -> RelationModel:
    model, why = relation.fit(whole(seed).part(0, PAST))
    assert model is not None, why
    return model


def later(seed: int = 1) -> Columns:
    return whole(seed).part(PAST - relation.CONTEXT, PAST + LATER)


def with_values(like: Columns, values: np.ndarray) -> Columns:
    return Columns(like.names, like.time_ms, values, like.units)


def test_calm_days_bring_no_finding_and_a_break_inside_all_limits_is_told_within_half_an_hour() -> (
    None
):
    for seed in (1, 2, 3):
        calm = relation.judge(fitted(seed), later(seed))
        assert not calm.alarm.any()
        assert np.isfinite(calm.score).mean() > 0.95
    broken = with_values(later(), worn(later().values, BREAK))
    past = whole().values[:PAST]
    inside = (broken.values[BREAK:] > past.min(axis=0)) & (broken.values[BREAK:] < past.max(axis=0))
    assert inside.mean() > 0.97
    judged = relation.judge(fitted(), broken)
    assert not judged.alarm[:BREAK].any()
    assert judged.alarm[BREAK : BREAK + 6].any()
    found = relation.findings(fitted(), broken, judged, int(broken.time_ms[BREAK]))
    assert found[0].signals[0].signal == "flow" and found[0].signals[0].spreads < 0
    assert found[0].reason.startswith("flow is low for this ")
    assert " l/s where " in found[0].reason and found[0].reason.count(".") >= 1
    assert judged.alarm[BREAK + 24 :].mean() > 0.9  # it stands for as long as it is so


def test_a_reason_has_its_number_where_values_of_the_signal_are_missing() -> None:
    values = worn(later().values, BREAK)
    values[BREAK + 1 :: 2, whole().names.index("flow")] = np.nan
    broken = with_values(later(), values)
    judged = relation.judge(fitted(), broken)
    found = relation.findings(fitted(), broken, judged, int(broken.time_ms[BREAK]))
    assert any(f.reason.startswith("flow is ") for f in found)
    assert not any("nan" in f.reason for f in found)


def test_a_day_on_which_all_signals_move_together_is_no_anomaly() -> None:
    quiet = pump(PAST + LATER, 1)
    quiet[-ROWS_A_DAY:] = quiet[-3 * ROWS_A_DAY - 144 : -2 * ROWS_A_DAY - 144]  # night at noon
    odd = columns(quiet, END).part(PAST - relation.CONTEXT, PAST + LATER)
    assert not relation.judge(fitted(), odd).alarm.any()


def test_no_row_is_judged_by_a_later_one_and_no_past_is_learned_from_the_future() -> None:
    broken = with_values(later(), worn(later().values, BREAK))
    judged = relation.judge(fitted(), broken)
    for cut in (100, BREAK + 2, 900):
        values = broken.values.copy()
        np.random.default_rng(cut).shuffle(values[cut:])
        other = relation.judge(fitted(), with_values(broken, values))
        assert np.array_equal(other.score[:cut], judged.score[:cut], equal_nan=True)
        assert np.array_equal(other.alarm[:cut], judged.alarm[:cut])


def test_an_unknown_signal_or_one_far_outside_is_not_judged() -> None:
    values = later().values.copy()
    values[400:420, 1] = np.nan
    values[500, 0] = 300.0
    judged = relation.judge(fitted(), with_values(later(), values))
    assert np.isfinite(judged.score[400])  # a value holds for one row
    assert np.isnan(judged.score[401:420]).all() and np.isnan(judged.score[500])
    assert not judged.alarm.any()
    assert relation.why_not(fitted(), values[410])[1] == "is not known now"
    assert relation.why_not(fitted(), values[500])[1] == "is far outside what was learned"


def test_it_says_why_it_does_not_learn() -> None:
    calm = whole()
    short = relation.fit(calm.part(0, 200))
    assert short[0] is None and short[1] == "known together at 200 times, 864 are needed"
    two = Columns(calm.names[:2], calm.time_ms, calm.values[:, :2])
    assert "fewer than three" in relation.fit(two)[1]
    noise = np.random.default_rng(0).normal(0, 1, (PAST, 3))
    strangers = Columns(("a", "b", "c"), calm.time_ms[:PAST], noise)
    assert "do not tell each other" in relation.fit(strangers)[1]


def test_a_signal_unrelated_to_the_others_is_not_judged_by_them() -> None:
    values = np.column_stack([whole().values, np.random.default_rng(5).normal(20, 1, PAST + LATER)])
    calm = Columns((*whole().names, "humidity"), whole().time_ms, values)
    model, _ = relation.fit(calm.part(0, PAST))
    assert model is not None
    assert [model.names[k] for k in model.told] == ["flow", "pressure", "current", "vibration"]
    assert (model.spread < relation.EXPLAINED * model.naive).all()


def test_what_came_later_is_held_against_the_mean_and_a_model_that_fails_says_so() -> None:
    calm = relation.fared(fitted(), later())
    assert calm.ratio.size == 4 and (calm.ratio < 0.7).all()
    assert later().time_ms[0] <= calm.from_ms < calm.to_ms == END
    foreign = replace(fitted(), weight=-fitted().weight)
    assert (relation.fared(foreign, later()).ratio > 1.0).all()
    assert relation.fared(fitted(), later().part(0, 100)).ratio.size == 0


def test_a_counter_neither_tells_nor_stops_the_others_from_being_judged() -> None:
    hours = np.floor(np.arange(PAST + LATER) / 12.0) / 10.0
    hours[900:] -= 30.0  # it was reset once
    columns_ = np.column_stack([whole().values, hours])
    counted = Columns((*whole().names, "hours"), whole().time_ms, columns_)
    model, _ = relation.fit(counted.part(0, PAST))
    assert model is not None and "hours" not in model.names
    judged = relation.judge(model, counted.part(PAST, PAST + LATER))
    assert np.isfinite(judged.score).mean() > 0.95


def test_learned_in_a_worker_they_come_back_from_their_files_to_the_last_bit(
    tmp_path: Path,
) -> None:
    calm, count = whole().values[:PAST], 4
    values = np.column_stack([calm, calm[:, :3], calm[:, :2]]).astype(np.float32)
    begins = np.array([0, 4, 7, 9])
    asked = Histories(
        ("P1", "P2", "P3"), begins, np.arange(10, 19), whole().time_ms[:PAST], values,
        str(tmp_path / "a"), "relations-0000.npz",
    )  # fmt: skip
    made = learn(asked, silent)
    assert made.table.assets == ("P1", "P2")
    assert "fewer than three" in made.why_not["P3"]
    assert made.files == learn(asked, silent).files
    again = reload(Kept(str(tmp_path / "a"), made.files), silent)
    for table in (again, load(tmp_path / "a" / "relations-0000.npz")):
        assert same(table.models()["P1"], made.table.models()["P1"])
    alone, _ = relation.fit(Columns(("10", "11", "12", "13"), asked.time_ms, values[:, :count]))
    assert alone is not None and same(alone, made.table.models()["P1"])
    both = joined([table_of({"A": alone}), made.table])
    assert both.assets == ("A", "P1", "P2") and same(both.models()["P2"], again.models()["P2"])
    (tmp_path / "a" / "relations-0000.npz").write_bytes(b"PK\x03\x04 not arrays")
    with pytest.raises(LamplighterError, match="was changed"):
        reload(Kept(str(tmp_path / "a"), made.files), silent)


def same(one: RelationModel, other: RelationModel) -> bool:
    return all(np.array_equal(getattr(one, f), getattr(other, f)) for f in one.__struct_fields__)


def test_a_break_that_has_just_begun_is_one_day_at_whatever_hour_it_is_learned() -> None:
    """Half an hour after midnight it stands on two dates, and must not set its own limit."""
    broken = worn(pump(4 * ROWS_A_DAY, 2), -30)
    limits = []
    for hour in (12.0, 23.9, 24.5, 26.0):
        model, why = relation.fit(
            columns(broken, 20_000 * relation.DAY_MS + round(hour * 3_600_000))
        )
        assert model is not None, why
        limits.append(model.limit)
    assert all(np.array_equal(limits[0], other) for other in limits[1:])
