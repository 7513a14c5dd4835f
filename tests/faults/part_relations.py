"""Signals that break their relation inside their limits are told, and calm assets stay calm.

Generated pumps, half of them running all day and half switched on and off. Weeks are learned, the
following days are judged row by row by the code that the recorder runs. Then one thing goes wrong
with each: less flow, more current, less pressure, more vibration; each value alone stays inside
the range of its past. The truth is known here alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from tests.kit.pumping_town import ROWS_A_DAY, SIGNALS, STEP_MS, columns, pump, switched

from lamplighter.analytics.anomaly import relation, rolling
from lamplighter.analytics.anomaly.columns import Columns, Floats
from lamplighter.analytics.anomaly.relation import RelationModel

Row = dict[str, Any]
TIER: Final = "N3"
SHORT: Final[dict[str, int]] = {"relation_pumps": 24, "relation_past": 14, "relation_days": 7}
LONG: Final[dict[str, int]] = {"relation_pumps": 160, "relation_past": 28, "relation_days": 28}
END: Final = 1_795_305_600_000
WRONG: Final = {"flow": 0.85, "pressure": 0.9, "current": 1.12, "vibration": 1.25}
"""what one signal is multiplied with; the others go on"""
FOUND: Final = 0.9
SOON_H: Final = 4.0
"""a break that is told later than this counts as missed"""
CALM: Final = 0.02
"""false anomalies per asset and day that are still called calm"""
ALONE: Final = 4.0
"""spreads from its own course at which a signal alone would be told"""


@dataclass
class Tally:
    """What became of calm days and of breaks."""

    false: int = 0
    days: float = 0.0
    judged: float = 0.0
    learned: int = 0
    breaks: int = 0
    told: int = 0
    named: int = 0
    alone: int = 0
    after_h: list[float] = field(default_factory=list)


def broken(test: Columns, name: str, row: int) -> Columns:
    """From `row` on one signal reads a multiple of the truth, kept inside the range it has."""
    values = test.values.copy()
    at = SIGNALS.index(name)
    values[row:, at] *= WRONG[name]
    return Columns(test.names, test.time_ms, values, test.units)


def play(number: int, past_days: int, days: int, tally: Tally) -> None:
    """One pump: calm days, then a break."""
    rows = (past_days + days) * ROWS_A_DAY
    whole = columns((switched if number % 2 else pump)(rows, number), END)
    cut = past_days * ROWS_A_DAY
    model, _ = relation.fit(whole.part(0, cut))
    tally.days += days
    if model is None:
        return
    tally.learned += 1
    test = whole.part(cut - relation.CONTEXT, rows)
    calm = relation.judge(model, test)
    tally.false += len(relation.findings(model, test, calm, int(whole.time_ms[cut])))
    tally.judged += float(np.isfinite(calm.score[relation.CONTEXT :]).mean()) * days
    name = SIGNALS[number // 2 % len(SIGNALS)]
    tally.breaks += 1
    row = relation.CONTEXT + int(np.random.default_rng(number).integers(0, ROWS_A_DAY))
    _break(model, whole.part(0, cut), test, name, row, tally)


def _break(
    model: RelationModel, past: Columns, test: Columns, name: str, row: int, tally: Tally
) -> None:
    wrong = broken(test, name, row)
    judged = relation.judge(model, wrong)
    told = np.flatnonzero(judged.alarm[row:])
    soon = round(SOON_H * 3_600_000 / STEP_MS)
    if told.size and told[0] <= soon and not judged.alarm[:row].any():
        tally.told += 1
        tally.after_h.append(int(told[0]) * STEP_MS / 3_600_000)
        found = relation.findings(model, wrong, judged, int(wrong.time_ms[row]))
        tally.named += name in found[0].reason
    tally.alone += bool(_alone(past, wrong, name, row, row + soon))


def _alone(past: Columns, wrong: Columns, name: str, begin: int, end: int) -> bool:
    """Whether the signal by itself is far from its own usual range: the rule without relations."""
    at = SIGNALS.index(name)
    level: Floats = rolling.column_mean(past.values)
    spread = rolling.column_spread(past.values)
    away = rolling.mean(np.abs(wrong.values - level) / spread, relation.QUICK)[begin:end, at]
    return bool((away > ALONE).any())


def relations(size: dict[str, int], folder: Path) -> Row:
    """All pumps."""
    tally = Tally()
    for number in range(size["relation_pumps"]):
        play(number, size["relation_past"], size["relation_days"], tally)
    after = np.array(tally.after_h)
    rate = tally.false / max(tally.days, 1.0)
    middle = float(np.median(after)) if after.size else float("nan")
    worst = float(after.max()) if after.size else float("nan")
    return {
        "promise": "Signals of one asset that break their relation inside their limits are told; "
        "calm assets raise nothing",
        "trials": f"{tally.breaks} breaks and {tally.days:,.0f} calm days of "
        f"{size['relation_pumps']} pumps with four signals, half of them switched on and off",
        "result": f"{tally.told} told within {SOON_H:.0f} h (a limit of {ALONE:g} spreads on the "
        f"signal alone: {tally.alone}), {middle:.1f} h after they began (median; latest "
        f"{worst:.1f} h), {tally.named} with the signal that was changed in the sentence; "
        f"{tally.false} false anomalies on calm days: {rate:.4f} per asset and day; "
        f"{tally.judged / max(tally.days, 1.0):.0%} of the time was judged",
        "not_shown": "generated pumps: one demand behind all signals, white noise; slow wear "
        "during the weeks that are learned becomes usual",
        "bound": "",
        "passed": tally.learned == size["relation_pumps"]
        and tally.told >= FOUND * tally.breaks and rate <= CALM,
        "figures": {
            "breaks": tally.breaks, "told": tally.told, "named": tally.named,
            "alone": tally.alone, "after_median_h": middle, "after_worst_h": worst,
            "false": tally.false, "calm_days": tally.days, "false_per_asset_day": rate,
            "judged_share": tally.judged / max(tally.days, 1.0), "learned": tally.learned,
        },
    }  # fmt: skip


PARTS: Final = {"relations": relations}
