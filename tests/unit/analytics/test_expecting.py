"""What is usual is learned from earlier hours only, judged beside naive rules, and says why not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from lamplighter.analytics import expecting, season
from lamplighter.analytics.expecting import (
    HOLES,
    SHORT,
    TABLE,
    USED,
    WORSE,
    HourlyHistory,
    Kept,
    learn,
    reload,
)
from lamplighter.analytics.season import HOUR_MS
from lamplighter.domain.newest_block import blank
from lamplighter.domain.problems import LamplighterError
from lamplighter.domain.task import silent

BEGIN = 1_795_305_600_000


def hours(days: int = 10, seed: int = 0, **changes: Any) -> HourlyHistory:
    """0 and 1 share what happens, 2 breathes alone, 3 wanders without any rule."""
    rng = np.random.default_rng(seed)
    count = 24 * days
    turn = 2 * np.pi * np.arange(count) / 24
    shared = rng.normal(0, 1.0, count)
    mean = np.stack(
        [
            20 + 4 * np.sin(turn) + shared + rng.normal(0, 0.05, count),
            40 + 8 * np.sin(turn) + 2 * shared + rng.normal(0, 0.05, count),
            10 + 3 * np.sin(turn) + rng.normal(0, 0.3, count),
            np.cumsum(rng.normal(0, 1.0, count)),
        ]
    )
    columns: dict[str, Any] = {
        "datastream": np.array([5, 6, 7, 8]),
        "first_ms": BEGIN,
        "mean": mean,
        "within": np.full(mean.shape, 0.1),
        "floor": np.full(4, 0.01),
        "stale_ms": np.full(4, 5_000),
        "group": np.zeros(4, np.int64),
        "near": np.zeros((0, 2), np.int64),
    }
    return HourlyHistory(**(columns | changes))


def test_who_moves_together_explains_each_other_and_who_wanders_is_not_used() -> None:
    found = learn(hours(), silent)

    assert found.why.tolist() == [USED, USED, USED, WORSE]
    assert found.error[3] > found.naive[3]
    assert found.rules[int(found.naive_rule[3])] == "the last value"
    table = found.table
    assert 6 in table.neighbour[0].tolist()
    assert table.hourly is not None and table.hourly[0] < 0.2 < table.hourly[2]
    assert table.used is not None and not table.used[list(table.datastream).index(8)]


def test_a_wanderer_has_no_expected_value_though_its_row_stays() -> None:
    table = learn(hours(), silent).table
    values = blank(9)
    values.time_ms[:] = table.valid_from_ms + 1
    values.value[:] = 20.0

    expected, _ = table.evaluate(values, table.valid_from_ms + 1)

    assert np.isfinite(expected[[5, 6, 7]]).all()
    assert np.isnan(expected[8])


def test_what_is_judged_is_the_future_of_what_was_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shuffling the judged hours changes no model that they are judged with."""
    given = hours()
    parts = expecting._parts(given.mean.shape[1])
    judged_with: list[np.ndarray] = []
    real = expecting._judge

    def spy(values: Any, rest: Any, begin: int) -> Any:
        judged_with.append((values[:, begin:] - rest) if begin else rest)
        return real(values, rest, begin)

    monkeypatch.setattr(expecting, "_judge", spy)
    learn(given, silent)
    shuffled = given.mean.copy()
    rows = [2, 3]  # without neighbours: what is expected depends on the past alone
    rng = np.random.default_rng(1)
    shuffled[rows, parts.judge :] = rng.permutation(shuffled[rows, parts.judge :], axis=1)
    learn(replace(given, mean=shuffled), silent)

    assert np.allclose(judged_with[0][rows], judged_with[1][rows])


def test_naive_rules_never_look_ahead() -> None:
    values = hours().mean
    begin = 24 * 8
    before = season.naive_rules(values, begin)
    changed = values.copy()
    changed[:, begin + 24 :] += 1e6

    for name, said in season.naive_rules(changed, begin).items():
        assert np.array_equal(said[:, :24], before[name][:, :24]), name


def test_outages_and_a_mad_sensor_hour_do_not_bend_what_is_usual() -> None:
    given = hours()
    spoiled = given.mean.copy()
    spoiled[2, 30:54] = np.nan
    spoiled[2, 100] = 1e6

    clean, found = learn(given, silent), learn(replace(given, mean=spoiled), silent)

    assert found.why[2] == USED
    assert np.allclose(found.table.season[2], clean.table.season[2], atol=0.4)


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda m: m.__setitem__((2, slice(30, None)), np.nan), SHORT),
        (lambda m: m.__setitem__((2, np.arange(240) % 24 == 5), np.nan), HOLES),
    ],
)
def test_too_little_to_learn_from_is_said(spoil: Any, why: int) -> None:
    given = hours()
    mean = given.mean.copy()
    spoil(mean)

    found = learn(replace(given, mean=mean), silent)

    assert found.why[2] in {why, expecting.UNJUDGED} if why == HOLES else found.why[2] == why


def test_names_and_units_change_nothing() -> None:
    given = hours()
    scaled = learn(replace(given, mean=given.mean * 1000, within=given.within * 1000,
                           floor=given.floor * 1000), silent)  # fmt: skip
    plain = learn(given, silent)

    assert scaled.why.tolist() == plain.why.tolist()
    assert np.allclose(scaled.table.season, plain.table.season * 1000)
    assert np.allclose(scaled.table.spread, plain.table.spread * 1000)


def test_a_kept_table_comes_back_as_it_was_and_a_changed_file_does_not(tmp_path: Path) -> None:
    found = learn(hours(folder=str(tmp_path / "m")), silent)

    again = reload(Kept(str(tmp_path / "m"), found.files), silent)
    assert np.array_equal(again.season, found.table.season)
    assert again.valid_to_ms == found.table.valid_to_ms

    with (tmp_path / "m" / TABLE).open("ab") as file:
        file.write(b"x")
    with pytest.raises(LamplighterError, match="was changed"):
        reload(Kept(str(tmp_path / "m"), found.files), silent)


def test_the_spread_holds_what_it_says_on_new_hours() -> None:
    covered: list[bool] = []
    for seed in range(12):
        whole = hours(14, seed)
        cut = 24 * 12
        found = learn(
            replace(whole, mean=whole.mean[:, :cut], within=whole.within[:, :cut]), silent
        )
        table = found.table
        row = list(table.datastream).index(7)
        times = BEGIN + np.arange(cut, cut + 48) * HOUR_MS + HOUR_MS // 2
        assert table.hourly is not None
        rest = np.abs(whole.mean[2, cut : cut + 48] - table.season_of(row, times))
        covered += (rest < 1.96 * table.hourly[row]).tolist()

    assert 0.88 < np.mean(covered) <= 1.0
