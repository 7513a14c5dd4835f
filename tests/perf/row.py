"""One row of the table of figures: every benchmark speaks of its peer in the same way."""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]


def row(
    name: str, figure: float, unit: str, peer: str, against: float, *, more_is_better: bool = False
) -> Row:
    """`figure` and `against` in `unit`; `ratio` above 1 means better than the peer."""
    better = figure / max(against, 1e-12) if more_is_better else against / max(figure, 1e-12)
    return {
        "name": name,
        "figure": _short(figure),
        "unit": unit,
        "against": f"{peer}: {_short(against):,} {unit}",
        "ratio": _short(better),
    }


def _short(value: float) -> float:
    return round(value, 1) if abs(value) >= 100 else float(f"{value:.3g}")
