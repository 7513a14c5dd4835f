"""Signals that stand still, repeat, roar or do not fit each other are told; calm ones are not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lamplighter.analytics.anomaly.columns import Event
from lamplighter.analytics.signal_judging import SignalWindow, judge_signals
from lamplighter.domain.task import silent

STEP = 300_000
DAY = 288
ROWS = 7 * DAY
BEGIN = 1_795_305_600_000
JUDGED = BEGIN + (ROWS - 36) * STEP


def window(seed: int = 0, signals: int = 4, **changes: Any) -> SignalWindow:
    """Signals 0 and 1 belong to one asset and follow one course."""
    rng = np.random.default_rng(seed)
    at = np.arange(ROWS)
    day = np.sin(2 * np.pi * at / DAY)
    shared = np.convolve(rng.normal(0, 1, ROWS + 11), np.ones(12) / 12, "valid")
    values = 10 + day[:, None] + rng.normal(0, 0.1, (ROWS, signals))
    values[:, 0] += shared
    values[:, 1] += 2 * shared
    columns: dict[str, Any] = {
        "names": tuple(f"S{n}" for n in range(signals)),
        "units": ("bar",) * signals,
        "datastream": np.arange(signals) + 40,
        "time_ms": BEGIN + STEP * at,
        "values": values.round(3).astype(np.float32),
        "judged_ms": JUDGED,
        "groups": ((0, 1),),
        "assets": ("P1",),
    }
    return SignalWindow(**(columns | changes))


def spoiled(kind: str) -> SignalWindow:
    made = window()
    values = made.values.copy()
    match kind:
        case "stuck":
            values[-24:, 2] = values[-25, 2]
        case "repeat":
            values[-30:, 2] = values[-30 - DAY : -DAY, 2]
        case "noisy":
            values[-24:, 2] += 0.9 * (-1.0) ** np.arange(24)
    return window(values=values)


@pytest.mark.parametrize("kind", ["stuck", "repeat", "noisy"])
def test_each_kind_is_told_with_a_sentence(kind: str) -> None:
    found = judge_signals(spoiled(kind), silent)

    mine = [f for f in found if f.datastream == 42]
    assert mine and mine[0].kind == kind
    assert "S2 " in mine[0].reason and mine[0].reason.endswith(".")
    assert all(f.datastream in (42, -1) for f in found)


def test_signals_that_no_longer_fit_each_other_are_told_of_the_asset() -> None:
    made = window()
    values = made.values.copy()
    values[-34:, 0] += 0.8  # less than its own swings

    found = judge_signals(window(values=values), silent)

    assert [(f.asset, f.kind) for f in found if f.datastream == -1] == [("P1", "together")]
    assert 40 in next(f for f in found if f.datastream == -1).signals


def test_calm_signals_are_left_alone() -> None:
    told = [f for seed in range(3) for f in judge_signals(window(seed, 12), silent)]

    assert told == []


def test_what_an_event_explains_is_not_told() -> None:
    given = spoiled("stuck")
    event = Event(JUDGED, BEGIN + ROWS * STEP, "S2", rebase=False)

    found = judge_signals(SignalWindow(**{
        f: getattr(given, f) for f in given.__struct_fields__
    } | {"events": (event,)}), silent)  # fmt: skip

    assert not [f for f in found if f.datastream == 42]


def test_nothing_to_judge_is_no_error() -> None:
    none = window(names=(), units=(), datastream=np.zeros(0, np.int64),
                  values=np.zeros((ROWS, 0), np.float32), groups=(), assets=())  # fmt: skip
    assert judge_signals(none, silent) == ()
