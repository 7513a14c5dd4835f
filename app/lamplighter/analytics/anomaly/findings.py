"""Scores made into findings: one anomaly each, with its kind, its sentence and its like cases."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from lamplighter.analytics.anomaly import rolling, season, similar
from lamplighter.analytics.anomaly.columns import KINDS, Columns, Finding, Floats, Share, runs
from lamplighter.analytics.anomaly.single import (
    CHANGE,
    DRIFT,
    NOISY,
    POINT,
    REPEAT,
    STUCK,
    Judged,
    SingleModel,
)

PLAINEST: Final = (REPEAT, STUCK, CHANGE, DRIFT, NOISY, POINT)
"""which kind names a finding that shows several"""


def of_single(
    model: SingleModel,
    columns: Columns,
    judged: Judged,
    since_ms: int = 0,
    like_cases: bool = True,
) -> tuple[Finding, ...]:
    """Findings of every signal that reach past `since_ms`, the strongest first."""
    found: list[Finding] = []
    over = judged.score > 1.0
    for k in np.flatnonzero(over.any(axis=0)):
        for begin, end in runs(over[:, k], model.short):
            if columns.time_ms[end - 1] >= since_ms:
                found.append(_one(model, columns, judged, int(k), begin, end, like_cases))
    return tuple(sorted(found, key=lambda f: -f.score))


def _one(
    model: SingleModel, columns: Columns, judged: Judged, k: int, begin: int, end: int, cases: bool
) -> Finding:
    measures = judged.measure[:, begin:end, k]
    shown = [kind for kind in PLAINEST if np.nanmax(measures[kind], initial=0.0) > 1.0]
    kind = shown[0]
    if kind == CHANGE and DRIFT in shown and _first(measures[DRIFT]) < _first(measures[CHANGE]):
        kind = DRIFT
    alone = int((np.nan_to_num(measures[POINT]) > 1.0).sum())
    if kind == NOISY and 0 < alone <= 2 and end - begin <= model.short + 2:
        kind = POINT  # one odd value is noise only as long as a window holds it
    peak = begin + int(np.nanargmax(np.where(np.isfinite(measures[kind]), measures[kind], -1)))
    score = float(np.nanmax(measures))
    spreads = _departure(model, columns, k, peak, kind)
    rows = min(max(end - begin, 2 * model.short), model.long)
    name = model.names[k]
    like = similar.nearest(columns, (name,), end - 1, rows) if cases else ()
    return Finding(
        KINDS[kind],
        int(columns.time_ms[begin]),
        int(columns.time_ms[end - 1]),
        int(columns.time_ms[peak]),
        round(score, 3),
        (Share(name, round(spreads, 2), 1.0),),
        _sentence(model, columns, k, peak, kind, spreads),
        like,
    )


def _first(measure: npt.NDArray[np.float32]) -> int:
    return int(np.argmax(np.nan_to_num(measure) > 1.0))


def _window(model: SingleModel, kind: int) -> int:
    return {POINT: 1, DRIFT: model.long}.get(kind, model.short)


def _departure(model: SingleModel, columns: Columns, k: int, peak: int, kind: int) -> float:
    """Spreads from what is usual, signed, as a mean over the window that decided."""
    begin = max(peak + 1 - _window(model, kind), 0)
    times = columns.time_ms[begin : peak + 1]
    usual = season.at(model.season[:, [k]], model.period_ms, times)[:, 0]
    left = (columns.values[begin : peak + 1, k] - usual) / model.spread[k]
    known = left[np.isfinite(left)]
    return float(known.mean()) if known.size else 0.0


def _sentence(
    model: SingleModel, columns: Columns, k: int, peak: int, kind: int, spreads: float
) -> str:
    name, unit = model.names[k], columns.unit(k)
    values = columns.values[:, k]
    window = duration((_window(model, kind)) * model.step_ms)
    now = values[peak]
    if kind == STUCK:
        stood = int(rolling.since_change(values[: peak + 1, None])[-1, 0])
        longest = duration(int(model.still_rows[k] / 3) * model.step_ms)
        return (
            f"{name} has stood at {now:.4g}{unit} for {duration(stood * model.step_ms)}; "
            f"before, it never stood still longer than {longest}."
        )
    if kind == REPEAT:
        rows = duration(int(model.repeat_rows[k]) * model.step_ms)
        return f"The last {rows} and more of {name} repeat an older stretch exactly."
    if kind == NOISY:
        moved = np.diff(values[max(peak - model.short, 0) : peak + 1])
        times = float(np.nanstd(moved) / model.usual_noise[k])
        return f"{name} is {times:.1f} times as noisy as usual in the last {window}."
    if kind == CHANGE:
        after = _mean(values, peak + 1 - model.short, peak + 1)
        before = _mean(values, peak + 1 - 2 * model.short, peak + 1 - model.short)
        way = "rose" if after > before else "fell"
        return (
            f"{name} {way} from {before:.4g} to {after:.4g}{unit} within {window}, "
            "more than this time of day explains."
        )
    if kind == DRIFT:
        begin = max(peak + 1 - model.long, 0)
        usual = season.at(model.season[:, [k]], model.period_ms, columns.time_ms[begin : peak + 1])
        mean, expected = _mean(values, begin, peak + 1), float(usual.mean())
        way = "above" if mean > expected else "below"
        return (
            f"{name} has been at {mean:.4g}{unit} over the last {window}, {abs(spreads):.1f} "
            f"spreads {way} its usual {expected:.4g}{unit}."
        )
    before = _mean(values, peak - model.short, peak)
    way = "above" if now > before else "below"
    return f"{name} is {now:.4g}{unit}, far {way} the {before:.4g}{unit} just before."


def _mean(values: Floats, begin: int, end: int) -> float:
    part = values[max(begin, 0) : max(end, 0)]
    part = part[np.isfinite(part)]
    return float(part.mean()) if part.size else float("nan")


def duration(ms: int) -> str:
    """A length of time in the largest unit that says it in two figures, e.g. `12 min`."""
    for unit, size in (("days", 86_400_000), ("h", 3_600_000), ("min", 60_000)):
        if ms >= 2 * size:
            return f"{ms / size:.0f} {unit}"
    return f"{ms / 1000:.0f} s"
