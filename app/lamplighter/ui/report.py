"""What a run of the window measured: the keys of `run --report`."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from lamplighter.domain.maintenance import Prognosis
from lamplighter.ui.beat import Beat
from lamplighter.ui.desk import Desk
from lamplighter.ui.gap_meter import GapMeter


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """What a run leaves behind. `started` is `time.monotonic()` of the program's start."""

    report: Path | None = None
    shot: Path | None = None
    seconds: float | None = None
    started: float | None = None


@dataclass(slots=True)
class Milestones:
    """Seconds from the program's start."""

    started: float
    first_window_s: float | None = None
    first_live_value_s: float | None = None
    early: dict[str, int] = field(default_factory=dict)
    """`counts` after a fifth of a run of known length"""

    def now(self) -> float:
        return time.monotonic() - self.started


def collect(desk: Desk, meter: GapMeter, beat: Beat, marks: Milestones) -> dict[str, Any]:
    """The report as plain values."""
    status = desk.status
    live, base = meter.live, meter.baseline
    account = status.account if status else None
    bound = int(desk.city.bound.sum())
    desk.take_newest()  # saving a picture may have taken a while
    at_end = live_now(desk)
    return {
        "datastreams_live": max(beat.most_live, at_end),
        "datastreams_live_at_end": at_end,
        "datastreams": bound,
        "age_p95_s": beat.ages.quantile_s(0.95),
        "received": account.received if account else 0,
        "stored": account.stored if account else 0,
        "duplicate": account.duplicate if account else 0,
        "quarantined": account.quarantined if account else 0,
        "refused": account.refused if account else 0,
        "waiting": status.waiting if status else 0,
        "ui_gap_p50_ms": round(live.quantile(0.5), 2),
        "ui_gap_p99_ms": round(live.quantile(0.99), 2),
        "ui_gap_p999_ms": round(live.quantile(0.999), 2),
        "ui_gap_max_ms": round(live.max_ms, 2),
        "ui_gap_over_100ms_share": round(live.long_share, 6),
        "ui_gap_seconds": round(live.total_ms / 1000, 2),
        "ui_gap_baseline_p999_ms": round(base.quantile(0.999), 2),
        "ui_gap_baseline_max_ms": round(base.max_ms, 2),
        "ui_gap_baseline_over_100ms_share": round(base.long_share, 6),
        "ui_gap_baseline_seconds": round(base.total_ms / 1000, 2),
        "first_window_s": marks.first_window_s,
        "first_live_value_s": marks.first_live_value_s,
        "incidents": [
            {
                "cause": i.cause,
                "asset": i.asset,
                "text": i.text,
                "folded": list(i.folded),
                "people_affected": i.people_affected,
            }
            for i in desk.incidents_seen.values()
        ],
        "prognosis": [_prognosis(p) for p in desk.prognoses],
        "problems": [str(p.problem) for p in desk.problems.values()],
        "rss_mb": round(rss_mb(), 1),
        "early": marks.early,
    }


def counts(window: QWidget, scene: object) -> dict[str, int]:
    """What must not grow in a window that only watches: Qt's objects and the actors in 3D."""
    renderer = getattr(scene, "renderer", None)
    return {
        "objects": len(window.findChildren(QObject)),
        "actors": renderer.GetViewProps().GetNumberOfItems() if renderer is not None else 0,
    }


def live_now(desk: Desk) -> int:
    """How many known datastreams are live at the shown time."""
    if not desk.city.bound.any() or desk.values is None:
        return 0
    return int((~desk.stale_mask() & desk.city.bound).sum())


def _prognosis(item: Prognosis) -> dict[str, Any]:
    return {
        "asset": item.asset,
        "probability_30d": item.probability_30d,
        "low": item.low,
        "high": item.high,
        "reasons": [r.text or r.signal for r in item.reasons],
        "basis": item.basis,
    }


def write(values: dict[str, Any], file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def rss_mb() -> float:
    """Resident memory of this process in MB; 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return 0.0
    return pages * 4096 / 1e6
