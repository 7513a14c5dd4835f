"""Why a forecast says what it says: each signal's share, and the past lives most like this one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lamplighter.analytics.fleet import WINDOWS
from lamplighter.analytics.hazard import HORIZON
from lamplighter.domain.maintenance import Reason, SimilarCase

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CaseBook:
    """Thinned rows of past lives to compare with.

    `features` (c, f); `life` (c,) number, `asset` (c,) index, `time_ms` (c,), `days_left` (c,),
    `failed` (c,) as in `fleet.Rows`.
    """

    assets: tuple[str, ...]
    features: Floats
    life: npt.NDArray[np.int64]
    asset: npt.NDArray[np.int64]
    time_ms: npt.NDArray[np.int64]
    days_left: Floats
    failed: npt.NDArray[np.bool_]
    center: Floats
    """(f,) what is usual in sound lives"""
    scale: Floats
    """(f,) spread of each feature"""


def as_usual(features: Floats, usual: Floats, risk: Callable[[Floats], Floats]) -> Floats:
    """(n, signals) the risk of each row with one signal as usual. One call of `risk` per signal."""
    signals = features.shape[1] // len(WINDOWS)
    found = np.zeros((features.shape[0], signals))
    for place in range(signals):
        left_out = features.copy()
        own = slice(len(WINDOWS) * place, len(WINDOWS) * (place + 1))
        left_out[:, own] = usual[own]
        found[:, place] = risk(left_out)
    return found


def shares(whole: Floats, without: Floats) -> Floats:
    """(n, signals) share of each signal in the risk: what it falls by with that signal as usual.

    `whole` (n,) and `without` (n, signals) in log odds. Shares of a row sum to 1, or are all 0
    where nothing raises its risk.
    """
    drop = np.maximum(whole[:, None] - without, 0.0)
    total = drop.sum(axis=1, keepdims=True)
    result: Floats = np.where(total > 1e-9, drop / np.maximum(total, 1e-9), 0.0)
    return result


def would_change(
    chance: float, without: Floats, row: Floats, signals: tuple[str, ...], book: CaseBook
) -> str:
    """The reading that would move the claim most, and by how much; empty where none moves it."""
    apart = without - chance
    most = int(np.argmax(np.abs(apart)))
    if abs(apart[most]) < 0.01:
        return ""
    name = signals[most].replace("_", " ")
    now, usual = row[len(WINDOWS) * most], book.center[len(WINDOWS) * most]
    if f"{usual:.3g}" == f"{now:.3g}":  # its trend and not its level is unusual
        return f"a steady {name}: {without[most]:.0%} instead of {chance:.0%}"
    return (
        f"{name} at {usual:.3g} (usual) and not {now:.3g}: "
        f"{without[most]:.0%} instead of {chance:.0%}"
    )


def reasons(
    row: Floats, share: Floats, signals: tuple[str, ...], book: CaseBook, most: int = 3
) -> tuple[Reason, ...]:
    """The largest shares of one row in words."""
    found = []
    for place in np.argsort(-share, kind="stable")[:most]:
        if share[place] < 0.03:
            break
        now, trend = row[2 * place], row[2 * place + 1]
        usual = book.center[2 * place]
        name = signals[place].replace("_", " ")
        text = f"{name} {now:.3g}, usually {usual:.3g}"
        if usual:
            text += f" ({(now - usual) / abs(usual):+.0%})"
        if np.isfinite(trend) and abs(trend) > 0.5 * book.scale[2 * place + 1]:
            text += f", {'rising' if trend > 0 else 'falling'} over the last days"
        found.append(Reason(signals[place], round(float(share[place]), 3), text))
    return tuple(found)


def similar(
    row: Floats, weight: Floats, book: CaseBook, mode: str, most: int = 3
) -> tuple[SimilarCase, ...]:
    """The nearest rows of `most` different past lives and how those lives went on.

    `weight` (f,): how much each feature counts in the distance; a value the case lacks counts as
    one spread away. What became of a row is not known yet where its life was cut off soon after
    it, as that of the row in question itself: it is no case.
    """
    if not book.life.size:
        return ()
    apart = np.where(np.isfinite(row), (book.features - row) / book.scale, 0.0)
    apart = np.where(np.isfinite(apart), apart, 1.0)
    distance = np.sqrt((weight * apart**2).sum(axis=1))
    distance[~book.failed & (book.days_left < HORIZON)] = np.inf
    found: list[SimilarCase] = []
    seen: set[int] = set()
    for place in np.argsort(distance, kind="stable"):
        life = int(book.life[place])
        if life in seen:
            continue
        if not np.isfinite(distance[place]):
            break
        seen.add(life)
        days = book.days_left[place]
        if book.failed[place]:
            later = "1 day" if round(days) == 1 else f"{days:.0f} days"
            outcome = f"{mode or 'it'} failed {later} later"
        else:
            outcome = f"no failure in the {days:.0f} days until it was renewed or the record ends"
        asset = book.assets[int(book.asset[place])]
        when = int(book.time_ms[place])
        found.append(SimilarCase(asset, when, outcome, round(float(distance[place]), 3)))
        if len(found) == most:
            break
    return tuple(found)
