"""The models that speak of a project's own datastreams: how they are learned, and their cards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from lamplighter.analytics.anomaly.relation import Fared
from lamplighter.analytics.anomaly.relation_tables import RelationTable
from lamplighter.analytics.expected_after import Later
from lamplighter.analytics.expecting import USED, WORSE, ExpectedReport
from lamplighter.analytics.forecasting.keeping import KeptVersion, Learning, Version
from lamplighter.analytics.forecasting.live import LEADS
from lamplighter.analytics.season import HOUR_MS
from lamplighter.analytics.suspicion.fit import LEAST_EXPLAINED
from lamplighter.analytics.suspicion.keeping import Keeping, KeptModels
from lamplighter.analytics.suspicion.training import Models
from lamplighter.domain.models import (
    EXPECTED,
    FORECASTS,
    RELATIONS,
    SENSORS,
    Figure,
    Judged,
    ModelCard,
)
from lamplighter.runtime.learned_model import Craft

TOLD: Final = "told.json"
"""beside the arrays: what came of each datastream"""
BEST_NAIVE: Final = (
    "for each datastream the best of: the same hour a day or a week before, the last value"
)
MEDIAN: Final = "median error"
OF_NAIVE: Final = "of the best naive rule's"
OF_THE_NAIVE: Final = "of the naive rule's"


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


SENSORS_CRAFT: Final = Craft(
    kind=SENSORS,
    what="the comparison of sensors",
    room="lamplighter.analytics.suspicion.keeping",
    asked=Keeping,
    learned=KeptModels,
    value=Models,
    value_of=lambda answer: answer.models,
    card=lambda answer: sensors_card(answer.models),
    any=lambda value: bool(value.items),
    learn_name="Learn how sensors go together",
    load_name="Load how sensors go together",
)


def forecasts_card(answer: KeptVersion) -> ModelCard:
    """The card of a version of the next hours."""
    version = answer.version
    judged = sum(i.judged for i in version.items)
    inside = sum(i.inside for i in version.items)
    hours = max(0, version.end_ms - version.first_ms) // HOUR_MS
    width = [i.width for i in version.items if i.width]
    past = "simulated history" if version.simulated else "this project's history"
    silent = f"; nothing could be learned of {version.abstained}" if version.abstained else ""
    return ModelCard(
        kind=FORECASTS,
        title=f"The next {LEADS} hours of figures and datastreams",
        method="blend of candidates 1",
        basis=f"{past}, {hours / 24:.0f} days{silent}",
        from_ms=version.first_ms,
        to_ms=version.end_ms,
        units=len(version.items) + version.abstained,
        rows=sum((i.end_ms - version.first_ms) // HOUR_MS for i in version.items),
        seeds=(version.seed,),
        split="in order of time: fitted on the first hours, judged on the last four weeks (at "
        "most two fifths) by what was known six hours before",
        thresholds="shares of the candidates and choice of the naive rule: hours before the judged "
        "ones; the band: misses known at the origin",
        figures=(
            _over_naive("hours shown", version.ratios()),
            _over_naive("all judged hours", version.whole()),
        ),
        naive="same time yesterday or last week, whichever was nearer before the judged hours",
        stated=0.9,
        covered=round(inside / judged, 4) if judged else None,
        covered_n=judged,
        width=round(float(np.median(width)), 3) if width else None,
        width_unit="naive errors (median)",
        inputs=("its own past", "hour", "weekday", "day of the year"),
        with_age=False,
        young=version.young,
        seconds=version.seconds,
    )


def _over_naive(which: str, ratio: np.ndarray) -> Figure:
    ours = round(float(np.median(ratio)), 4) if ratio.size else None
    return Figure(f"{MEDIAN}, {which}", ours, 1.0, OF_THE_NAIVE, n=int(ratio.size))


FORECASTS_CRAFT: Final = Craft(
    kind=FORECASTS,
    what="the next hours",
    room="lamplighter.analytics.forecasting.keeping",
    asked=Learning,
    learned=KeptVersion,
    value=Version,
    value_of=lambda answer: answer.version,
    card=forecasts_card,
    any=lambda value: bool(value.items),
    learn_name="Learn the next hours",
    load_name="Load the next hours",
    learn_s=1_800.0,
    judged_while_frozen=True,
)


def relations_card(table: RelationTable, seconds: float) -> ModelCard:
    """The card of what the signals of each asset say of each other."""
    count = len(table.assets)
    left = table.spread / table.naive
    first = int(table.first_ms.min()) if count else 0
    last = int(table.last_ms.max()) if count else 0
    figure = Figure(
        "median error",
        round(float(np.median(left)), 4) if left.size else None,
        1.0,
        OF_NAIVE,
        n=int(left.size),
    )
    return ModelCard(
        kind=RELATIONS,
        title="How the signals of an asset go together",
        method="ridge on random features 1",
        basis=f"this project's history, {(last - first) / 86_400_000:.0f} days, {count:,} assets",
        from_ms=first,
        to_ms=last,
        units=count,
        rows=int(table.rows.sum()),
        seeds=(),
        split="24 blocks of time in four folds, each told by what was learned from the other three",
        thresholds="the second worst day of those blocks, with a margin",
        figures=(figure,) if left.size else (),
        naive="for each signal the better of: its mean, its usual course of the day",
        seconds=round(seconds, 2),
    )


def later_relations(fared: Sequence[Fared]) -> Judged | None:
    """How relations fared in the rows after they were learned; None while too few have come."""
    told = [f for f in fared if f.ratio.size]
    if not told:
        return None
    ratio = np.concatenate([f.ratio for f in told])
    name = "median error of that of the signal's own mean, hours not learned from"
    figure = Figure(name, round(float(np.median(ratio)), 4), 1.0, n=int(ratio.size))
    return Judged(min(f.from_ms for f in told), max(f.to_ms for f in told), figure)
