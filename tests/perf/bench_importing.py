"""How the window answers while Rotterdam is imported, beside the same window at rest."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.kit.importing_window import measure
from tests.kit.testdata import city_data
from tests.perf.row import Row, row


def rows() -> list[Row]:
    """Gaps of the window's own clock: the share of time in gaps over 100 ms, and the longest."""
    before = city_data("delft_3dfier", "3dbag_cityjson", "delft.json")
    with tempfile.TemporaryDirectory() as folder:
        found, imported = measure(Path(folder), before, city_data("rotterdam"))
    peer = "the same window at rest"
    return [
        row(
            "time in gaps over 100 ms while a city is imported",
            100.0 * found["ui_gap_over_100ms_share"],
            "% of time",
            peer,
            100.0 * found["ui_gap_baseline_over_100ms_share"],
        ),
        row(
            "longest gap while a city is imported",
            found["ui_gap_max_ms"],
            "ms",
            peer,
            found["ui_gap_baseline_max_ms"],
        ),
        {
            "name": "the import beside it",
            "figure": imported["seconds"],
            "unit": "s",
            "against": "",
            "ratio": None,
        },
    ]
