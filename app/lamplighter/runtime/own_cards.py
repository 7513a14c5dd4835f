"""Cards of the models that speak of a project's own datastreams: on what, how judged, how good."""

from __future__ import annotations

from typing import Final

import numpy as np

from lamplighter.analytics.expected_after import Later
from lamplighter.analytics.expecting import USED, WORSE, ExpectedReport
from lamplighter.analytics.season import HOUR_MS
from lamplighter.analytics.suspicion.fit import LEAST_EXPLAINED
from lamplighter.analytics.suspicion.training import Models
from lamplighter.domain.models import EXPECTED, SENSORS, Figure, Judged, ModelCard

TOLD: Final = "told.json"
"""beside the arrays: what came of each datastream"""
BEST_NAIVE: Final = (
    "for each datastream the best of: the same hour a day or a week before, the last value"
)
MEDIAN: Final = "median error"
OF_NAIVE: Final = "of the best naive rule's"


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
        figures=(_ratio("in use", report, used), _ratio("all judged", report, judged)),
        naive=BEST_NAIVE,
        seconds=round(report.seconds, 2),
    )


def _ratio(name: str, report: ExpectedReport, rows: np.ndarray) -> Figure:
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = (report.error / report.naive)[rows]
    ratio = ratio[np.isfinite(ratio)]
    ours = round(float(np.median(ratio)), 4) if ratio.size else None
    return Figure(
        f"{MEDIAN}, {name}", ours, 1.0 if ratio.size else None, OF_NAIVE, n=int(ratio.size)
    )


def later_window(later: Later) -> Judged:
    """How a table fared in the hours after it was learned."""
    name = f"{MEDIAN} {OF_NAIVE}, hours not learned from"
    figure = Figure(name, round(later.ratio, 4), 1.0, n=later.rows)
    return Judged(later.from_ms, later.to_ms, figure)


def sensors_card(models: Models) -> ModelCard:
    """The card of a comparison of sensors."""
    items = models.items
    compared = [
        np.sqrt(np.clip(1.0 - m.explained, 0.0, 1.0))[
            (m.resolution > 0) & (m.explained >= LEAST_EXPLAINED)
        ]
        for m in items
    ]
    left = np.concatenate(compared) if compared else np.zeros(0)
    samples = max((m.samples for m in items), default=0)
    step = items[0].step_ms / 1000.0 if items else 0.0
    figure = Figure(
        "median left unexplained",
        round(float(np.median(left)), 4) if left.size else None,
        1.0,
        "of the sensor's own spread",
        n=int(left.size),
    )
    return ModelCard(
        kind=SENSORS,
        title="How sensors go together",
        method="neighbours with limits 1",
        basis=f"this project's last {samples:,} samples, one every {step:g} s",
        from_ms=min((m.trained_from_ms for m in items), default=0),
        to_ms=max((m.trained_to_ms for m in items), default=0),
        units=models.watched + models.abstained,
        rows=samples,
        seeds=(),
        split="eight blocks of time, each said from the other seven; what is withheld or suspect "
        "teaches nothing",
        thresholds="the highest of those blocks, widened until clean stretches stay below the "
        "stated rate of false flags",
        figures=(figure,) if left.size else (),
        naive="the sensor's own mean",
    )
