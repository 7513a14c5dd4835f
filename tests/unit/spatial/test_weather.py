"""Weather years: the station lies where its first line says."""

from __future__ import annotations

from pathlib import Path

import pytest

from lamplighter.spatial.reader import read_file

EPW = "LOCATION,AMSTERDAM,-,NLD,IWEC Data,062400,52.30,4.77,1.0,-2.0\nDESIGN\n1986,1,1\n"
TMY3 = '703165,"SAND POINT",AK,-9.0,55.317,-160.517,7\nDate,Time\n01/01/1997,01:00\n'
TMY2 = " 12839 MIAMI                  FL  -5 N 25 48 W  80 16     2\n 6201\n"


@pytest.mark.parametrize(
    ("name", "text", "lon", "lat", "height"),
    [("a.epw", EPW, 4.77, 52.30, -2.0), ("a.csv", TMY3, -160.517, 55.317, 7.0),
     ("a.tm2", TMY2, -80.267, 25.8, 2.0)],
)  # fmt: skip
def test_a_station_is_one_point(
    tmp_path: Path, name: str, text: str, lon: float, lat: float, height: float
) -> None:
    path = tmp_path / name
    path.write_text(text)
    found = read_file(path, project_frame=None, tiles_folder=tmp_path / "t")
    assert found.report.error is None and found.report.placed == 1
    (asset,) = found.assets
    assert [asset.lon, asset.lat] == pytest.approx([lon, lat], abs=1e-3)
    assert (asset.type, asset.height_m) == ("WeatherStation", height)
    assert asset.attributes["rows"] == 1


def test_a_station_nowhere_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.epw"
    path.write_text("LOCATION,X,-,N,S,1,north,4.77,1.0,-2.0\n")
    report = read_file(path, project_frame=None, tiles_folder=tmp_path / "t").report
    assert report.error is not None and "I-503" in report.error
