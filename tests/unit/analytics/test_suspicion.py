"""Is this sensor genuine: what is flagged, whom it accuses, and what it must not look at."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
from tests.faults import part_tampering
from tests.kit import tampering as kit
from tests.kit.sensor_network import STEP_MS, network, with_leak

from lamplighter.analytics.suspicion import Finding, findings, fit, judged

BEFORE, AFTER = 300, 48
KINDS = {
    "bias": {"offset"},
    "drift": {"slow drift", "offset"},
    "freeze": {"stuck"},
    "replay": {"replay"},
    "scale": {"unit change", "scale"},
    "swap": {"swap"},
    "clock shift": {"clock shift"},
    "drop": {"dropout"},
}


@cache
def field() -> part_tampering.Field:
    values, names, kinds = network(2_300, 7, pressures=6)
    return part_tampering.Field("a network", values, names, part_tampering._same(kinds), STEP_MS)


def clean() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    place = field()
    span = slice(place.cut + 50, place.cut + 50 + BEFORE + AFTER)
    return place.values[span], place.time_ms[span]


def told(values: npt.NDArray[np.float64]) -> list[Finding]:
    place = field()
    _, time_ms = clean()
    return findings(place.model, values, time_ms, place.names, last=AFTER)


def test_a_clean_stretch_accuses_nobody() -> None:
    assert told(clean()[0]) == []


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_tampered_with_is_accused_and_named(kind: str) -> None:
    place, row = field(), 7
    values, _ = clean()
    made = kit.Tampering(values, BEFORE, [[6, 9]] * values.shape[1], place.spread, 3)
    found = told(made.apply(kind, row))
    mine = [f for f in found if f.row == row]
    assert mine, [f.reason for f in found]
    assert mine[0].kind in KINDS[kind]
    assert place.names[row] in mine[0].reason
    assert mine[0].evidence[0].startswith("decided by")


def test_the_reason_names_the_neighbours() -> None:
    values, _ = clean()
    place = field()
    made = kit.Tampering(values, BEFORE, [[6]] * values.shape[1], place.spread, 3)
    found = next(f for f in told(made.apply("bias", 7)) if f.row == 7)
    assert "physically inconsistent with neighbours" in found.reason
    assert all(place.names[n] in found.reason for n in found.neighbours)


def test_a_leak_is_the_process_and_no_sensor() -> None:
    values, _ = clean()
    found = told(with_leak(values, field().names, BEFORE, size=1.2))
    assert [f.looks for f in found] == ["process"]
    assert "moved together" in found[0].reason


@pytest.mark.parametrize("passed", [3, 6, 12])
def test_two_exchanged_sensors_are_accused_where_most_read_what_was_never_learned(
    passed: int,
) -> None:
    every, names, kinds = network(1_040, 3, pressures=8)
    chosen = [at for at, kind in enumerate(kinds) if kind == "pressure"]
    values, time_ms = every[: 640 + passed, chosen].round(4), np.arange(640 + passed) * 200
    model = fit(values[:480], time_ms[:480], np.arange(len(chosen)))
    values[640:, [0, 3]] = values[640:, [3, 0]]

    found = findings(model, values[-200:], time_ms[-200:], names[-8:], last=3, strict=3.0)

    assert {f.row for f in found if f.kind != "process"} == {0, 3}


def test_scores_of_the_past_do_not_know_the_future() -> None:
    values, time_ms = clean()
    whole = judged(field().model, values, time_ms)
    random = np.random.default_rng(1)
    shuffled = values.copy()
    shuffled[250:] = random.permutation(shuffled[250:])
    np.testing.assert_array_equal(whole[:250], judged(field().model, shuffled, time_ms)[:250])
    cut = judged(field().model, values[:250], time_ms[:250])
    np.testing.assert_allclose(whole[:250], cut, atol=1e-9)  # sums in another order


def test_another_unit_and_another_order_change_nothing() -> None:
    place = field()
    values, time_ms = clean()
    order = np.random.default_rng(2).permutation(values.shape[1])
    ids = np.arange(values.shape[1], dtype=np.int64)
    train = place.values[: place.cut]
    other = fit(0.3048 * train[:, order], place.time_ms[: place.cut], ids)
    ours = judged(place.model, values, time_ms)[:, order]
    theirs = judged(other, 0.3048 * values[:, order], time_ms)
    counted = [i for i, name in enumerate(part_tampering_checks()) if name != "repeat"]
    np.testing.assert_allclose(ours[..., counted], theirs[..., counted], rtol=2e-2, atol=2e-2)


def part_tampering_checks() -> tuple[str, ...]:
    from lamplighter.analytics.suspicion.model import CHECKS

    return CHECKS


def test_too_little_history_is_told() -> None:
    values, _ = clean()
    with pytest.raises(ValueError, match="too few"):
        fit(values[:50], np.arange(50, dtype=np.int64) * STEP_MS, np.arange(values.shape[1]))


def test_a_channel_without_company_is_not_compared() -> None:
    random = np.random.default_rng(4)
    values = random.normal(0.0, 1.0, (400, 3))
    time_ms = np.arange(400, dtype=np.int64) * STEP_MS
    model = fit(values, time_ms, np.arange(3))
    odd = values[:100].copy()
    odd[60:, 1] += 9.0
    over = judged(model, odd, time_ms[:100])[62:, 1].max(axis=0) > 1
    assert not over[: part_tampering_checks().index("rate")].any()


def test_the_table_of_kinds_beats_the_plain_rules() -> None:
    place = field()
    ours = part_tampering.one_kind(place, "clock shift", 4, 11)
    assert ours.found["ours"] == 4
    assert ours.false["ours"] <= 1
    assert ours.found["ours"] > ours.found["z-score"]
