"""Cards of the models that speak of a project's own datastreams: on what, how judged, how good."""

from __future__ import annotations

from typing import Final

import numpy as np

from lamplighter.analytics.expected_after import Later
from lamplighter.analytics.expecting import USED, WORSE, ExpectedReport
from lamplighter.analytics.season import HOUR_MS
from lamplighter.domain.models import EXPECTED, Figure, Judged, ModelCard

TOLD: Final = "told.json"
"""beside the arrays: what came of each datastream"""
BEST_NAIVE: Final = (
    "for each datastream the best of: the same hour a day or a week before, the last value"
)
RATIO: Final = "error over the best naive rule's, median"


def expected_card(report: ExpectedReport) -> ModelCard:
    """The card of a table of expected values."""
    judged = np.isin(report.why, (USED, WORSE))
    used = report.why == USED
    hours = max(0, report.last_ms - report.first_ms) // HOUR_MS
    return ModelCard(
        kind=EXPECTED,
        title="What each datastream should read",
        method="seasons and neighbours 1",
        basis=f"this project's history, {hours / 24:.0f} days",
        from_ms=report.first_ms,
        to_ms=report.last_ms,
        units=int(report.why.size),
        rows=int(report.why.size) * hours,
        seeds=(),
        split="in order of time: fitted on the first hours, chosen on later ones, judged on the "
        "newest; a datastream is used only where it was nearer than the naive rule there",
        thresholds="hours before the judged ones alone",
        figures=(
            _ratio("in use", report, used),
            _ratio("all that were judged", report, judged),
            Figure("datastreams in use", float(used.sum()), None, "", True, n=int(judged.sum())),
        ),
        naive=BEST_NAIVE,
        seconds=round(report.seconds, 2),
    )


def _ratio(name: str, report: ExpectedReport, rows: np.ndarray) -> Figure:
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = (report.error / report.naive)[rows]
    ratio = ratio[np.isfinite(ratio)]
    ours = round(float(np.median(ratio)), 4) if ratio.size else None
    return Figure(f"{RATIO} ({name})", ours, 1.0 if ratio.size else None, n=int(ratio.size))


def later_window(later: Later) -> Judged:
    """How a table fared in the hours after it was learned."""
    figure = Figure(f"{RATIO}, hours not learned from", round(later.ratio, 4), 1.0, n=later.rows)
    return Judged(later.from_ms, later.to_ms, figure)
