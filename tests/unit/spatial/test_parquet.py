"""Parquet tables with shapes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import shapely

from lamplighter.spatial.reader import read_file

pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")


def write(path: Path, crs: object, **extra: list[object]) -> Path:
    columns = {"geometry": [shapely.to_wkb(shapely.Point(91_000, 435_700)), None], **extra}
    table = pa.table(columns)
    column = {"encoding": "WKB", "geometry_types": [], "crs": crs}
    geo = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}
    parquet.write_table(table.replace_schema_metadata({"geo": json.dumps(geo)}), path)
    return path


def test_rows_lie_where_their_system_says(tmp_path: Path) -> None:
    path = write(
        tmp_path / "p.parquet", {"id": {"authority": "EPSG", "code": 28992}},
        name=["Lamp", "Lost"], tags=[{"a": 1}, {"a": 2}], years=[[1, 2], None],
    )  # fmt: skip
    found = read_file(path, project_frame=None, tiles_folder=tmp_path / "t")
    assert found.report.error is None and found.report.crs == "EPSG:28992"
    assert (found.report.placed, len(found.report.unplaced)) == (1, 1)
    assert found.assets[0].name == "Lamp"
    assert found.assets[0].attributes["tags.a"] == 1
    assert found.assets[0].attributes["years"] == "1, 2"


def test_a_table_without_shapes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.parquet"
    parquet.write_table(pa.table({"a": [1]}), path)
    report = read_file(path, project_frame=None, tiles_folder=tmp_path / "t").report
    assert report.error is not None and "I-504" in report.error
    path.write_bytes(path.read_bytes()[:40])
    report = read_file(path, project_frame=None, tiles_folder=tmp_path / "t").report
    assert report.error is not None and "I-503" in report.error
