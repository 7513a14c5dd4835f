"""Registers as JSON lists of records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lamplighter.domain.importing import ImportedFile
from lamplighter.spatial.reader import read_file


def read(folder: Path, rows: Any) -> ImportedFile:
    path = folder / "meters.json"
    path.write_text(rows if isinstance(rows, str) else json.dumps(rows))
    return read_file(path, project_frame=None, tiles_folder=folder / "tiles")


def test_a_shape_as_text_is_a_place(tmp_path: Path) -> None:
    rows = [
        {"model": "parking.meter", "pk": "a1", "fields": {
            "name": "Quay 9", "location": "SRID=4326;POINT (24.9187 60.1715)"}},
        {"model": "parking.meter", "pk": "a2", "fields": {"name": "Lost", "location": None}},
    ]  # fmt: skip
    found = read(tmp_path, rows)
    assert found.report.objects == {"meter": 2}
    assert (found.report.placed, len(found.report.unplaced)) == (1, 1)
    first = found.assets[0]
    assert (first.id, first.name) == ("a1", "Quay 9")
    assert [first.lon, first.lat] == pytest.approx([24.9187, 60.1715])


def test_latitude_and_longitude_are_a_place(tmp_path: Path) -> None:
    found = read(tmp_path, [{"id": "x", "position": {"lat": 60.1, "lng": "24.9"}}])
    assert [found.assets[0].lon, found.assets[0].lat] == pytest.approx([24.9, 60.1])


@pytest.mark.parametrize(
    "rows",
    [
        [{"a": 1}],
        '[{"lat": 1, "lon": 2}, ',
        [{"p": "SRID=4326;POINT(1 2)"}, {"p": "SRID=3857;POINT(1 2)"}],
    ],
)
def test_lists_that_cannot_be_placed_are_refused(tmp_path: Path, rows: Any) -> None:
    error = read(tmp_path, rows).report.error
    assert error is not None and "\n" not in error
