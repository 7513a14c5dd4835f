"""A real city is imported while the window is open: the window goes on answering."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit.importing_window import measure
from tests.kit.testdata import city_data

pytestmark = [
    pytest.mark.e2e, pytest.mark.gl, pytest.mark.data, pytest.mark.timeout(240),
]  # fmt: skip
HANGS_MS = 3_000.0
"""no figure of speed: a window that is silent for so long waits for the import"""


def test_the_window_answers_while_rotterdam_is_imported(tmp_path: Path) -> None:
    before = city_data("delft_3dfier", "3dbag_cityjson", "delft.json")
    report, imported = measure(tmp_path, before, city_data("rotterdam"))
    assert sum(f["placed"] for f in imported["files"]) > 800
    assert report["ui_gap_seconds"] > 5
    assert report["ui_gap_max_ms"] < HANGS_MS
