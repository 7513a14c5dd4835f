"""What a remaining life rests on: each sensor's part, age's, like lives, what would change it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from lamplighter.analytics.life.familiar import Familiar
from lamplighter.analytics.life.fleet_file import Lives
from lamplighter.analytics.life.remaining import Learner, Model

Floats = npt.NDArray[np.float64]

NEW: Final = 20
"""first rows of a unit: how a sensor is when nothing is worn"""
RECENT: Final = 10
MOST: Final = 3


class Part(Struct, frozen=True):
    """`cycles`: how much longer the unit would be given were this sensor as when new."""

    signal: str
    cycles: float


class Like(Struct, frozen=True):
    unit: float
    cycle: float
    outcome: str
    distance: float


class Case(Struct, frozen=True):
    """One unit in full."""

    unit: float
    remaining: str
    """`more than 125 cycles` at the cap, never `125`"""
    low: float | None
    high: float | None
    because: tuple[Part, ...]
    age_cycles: float
    """what age adds to (+) or takes from (-) the claim: with it minus without it"""
    like: tuple[Like, ...]
    would_change: str


def tell(
    model: Model, no_age: Learner, familiar: Familiar, lives: Lives, names: tuple[str, ...]
) -> tuple[Case, ...]:
    """Each of these units at its last row."""
    if not len(lives.unit):
        return ()
    last = lives.last
    claim = model.predict(lives, last)
    without = np.clip(no_age.answer(no_age.features(lives)[last])[:, 0], 0.0, model.cap)
    band = model.band.around(claim) if model.band else None
    kept = no_age.kept
    fresh, moved = _swapped(model, no_age, lives, kept)
    inputs = no_age.features(lives)[last]
    made = []
    for place in range(len(lives.unit)):
        gain = fresh[:, place] - claim[place]
        top = [int(s) for s in np.argsort(-gain, kind="stable")[:MOST] if gain[s] >= 0.5]
        made.append(
            Case(
                float(lives.unit[place]),
                words(float(claim[place]), model.cap),
                round(float(band[0][place]), 1) if band else None,
                round(float(band[1][place]), 1) if band else None,
                tuple(Part(names[int(kept[s])], round(float(gain[s]), 1)) for s in top),
                round(float(claim[place] - without[place]), 1),
                tuple(
                    Like(c.unit, c.cycle, f"ran {c.left:.0f} more cycles", c.distance)
                    for c in familiar.alike(inputs[place], MOST)
                ),
                _change(moved[:, place] - claim[place], names, kept),
            )
        )
    return tuple(made)


def words(claim: float, cap: float) -> str:
    return f"more than {cap:g} cycles" if claim >= cap - 1.0 else f"{claim:.0f} cycles"


def _swapped(
    model: Model, scale: Learner, lives: Lives, kept: npt.NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """(k, u) twice: the claim with one sensor as when new, and with it one spread higher lately."""
    place, _ = scale.regimes.assign(lives.settings)
    z = scale.regimes.scaled(lives.settings, lives.sensors)
    step = np.arange(len(lives.cycle)) - lives.begin[lives.of_row]
    late = lives.last[lives.of_row] - np.arange(len(lives.cycle)) < RECENT
    fresh, moved = [], []
    for sensor in kept:
        spread = scale.regimes.spread[place, sensor]
        young = np.array(
            [
                np.nanmean(z[(lives.of_row == u) & (step < NEW), sensor])
                for u in range(len(lives.unit))
            ]
        )
        changed = lives.sensors.copy()
        changed[:, sensor] += (young[lives.of_row] - _level(lives, z[:, sensor], late)) * spread
        fresh.append(model.predict(replace(lives, sensors=changed), lives.last))
        changed = lives.sensors.copy()
        changed[late, sensor] += spread[late]
        moved.append(model.predict(replace(lives, sensors=changed), lives.last))
    return np.array(fresh), np.array(moved)


def _level(lives: Lives, z: Floats, late: npt.NDArray[np.bool_]) -> Floats:
    """(n,) where each unit's sensor has come to by its last rows, reached in a straight line."""
    out = np.zeros(len(z))
    for begin, count in zip(lives.begin, lives.length, strict=True):
        mine = slice(begin, begin + count)
        young, old = np.nanmean(z[mine][:NEW]), np.nanmean(z[mine][late[mine]])
        out[mine] = young + (old - young) * np.linspace(0.0, 1.0, count) ** 2
    return out


def _change(moved: Floats, names: tuple[str, ...], kept: npt.NDArray[np.int64]) -> str:
    most = int(np.argmax(np.abs(moved)))
    direction = "longer" if moved[most] > 0 else "shorter"
    return (
        f"{names[int(kept[most])]} one usual spread higher over {RECENT} rows: "
        f"{abs(moved[most]):.1f} cycles {direction}"
    )
