"""Point clouds come in placed, coloured, thinned evenly and counted; damaged ones are refused."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from tests.fixtures.cities import CORNER
from tests.fixtures.clouds import field, las
from tests.kit.testdata import city_data

from lamplighter.domain.city import Frame
from lamplighter.domain.importing import ImportedFile
from lamplighter.spatial import clouds
from lamplighter.spatial.reader import read_file
from lamplighter.spatial.tiles import load

HERE = Frame(epsg=28992, east=CORNER[0], north=CORNER[1])


def imported(path: Path, tmp_path: Path, frame: Frame | None = HERE) -> ImportedFile:
    return read_file(path, project_frame=frame, tiles_folder=tmp_path / "tiles")


@pytest.mark.parametrize(
    ("name", "version", "form"),
    [("a.las", "1.2", 3), ("b.las", "1.4", 7), ("c.laz", "1.2", 2), ("d.laz", "1.4", 7)],
)
def test_every_version_lands_where_its_header_says(
    tmp_path: Path, name: str, version: str, form: int
) -> None:
    path = las(tmp_path / name, field(30), version=version, form=form, rgb=(65280, 0, 256))
    found = imported(path, tmp_path)
    report, (asset,) = found.report, found.assets
    assert report.error is None and report.crs == "EPSG:28992"
    assert report.objects == {"PointCloud": 1, "points": 900}
    assert asset.attributes["points building"] == 225 and asset.attributes["points ground"] == 675
    tile = load(tmp_path / "tiles" / found.tiles[0])
    assert tile.kind == "cloud" and tile.colours is not None
    assert np.allclose(tile.points.min(axis=0), (0.0, 0.0, CORNER[2]), atol=0.01)
    assert np.allclose(tile.points.max(axis=0), (29.0, 29.0, CORNER[2] + 2.9), atol=0.01)
    assert tile.colours[0].tolist() == [255, 0, 1]


def test_intensity_is_the_grey_where_there_is_no_colour(tmp_path: Path) -> None:
    found = imported(las(tmp_path / "grey.las", field(20), form=6), tmp_path)
    colours = load(tmp_path / "tiles" / found.tiles[0]).colours
    assert colours is not None
    assert (colours[:, 0] == colours[:, 2]).all() and len(np.unique(colours)) > 50


def test_a_large_cloud_is_thinned_evenly_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clouds, "MAX_POINTS", 300)
    monkeypatch.setattr(clouds, "_CHUNK", 77)
    found = imported(las(tmp_path / "large.laz", field(40)), tmp_path)
    tiles = [load(tmp_path / "tiles" / name) for name in found.tiles]
    points = np.concatenate([tile.points for tile in tiles])
    assert 250 <= len(points) <= 300
    assert found.report.objects["points"] == 1600
    assert any(f"{len(points)} of 1600 points are shown" in w for w in found.report.warnings)
    halves = (points[:, 1] < 20.0).sum()
    assert abs(halves - len(points) / 2) < 10


def test_heights_in_feet_become_metres(tmp_path: Path) -> None:
    spots = np.array([[636000.0, 849000.0, 1000.0], [636010.0, 849010.0, 1010.0]])
    found = imported(las(tmp_path / "feet.las", spots, epsg=2994), tmp_path, None)
    assert found.assets[0].z == pytest.approx(304.8, abs=0.01)


def test_a_cloud_without_a_system_is_placed_by_its_neighbours_or_listed(tmp_path: Path) -> None:
    path = las(tmp_path / "bare.las", field(10), epsg=0)
    assert imported(path, tmp_path).report.placed == 1
    alone = imported(path, tmp_path, None).report
    assert alone.placed == 0 and "no coordinate system" in alone.unplaced[0].reason


def test_degrees_over_half_the_world_are_no_place(tmp_path: Path) -> None:
    spots = np.column_stack([np.arange(200.0), np.arange(200.0) % 80, np.zeros(200)])
    report = imported(las(tmp_path / "odd.las", spots, epsg=4326), tmp_path, None).report
    assert report.placed == 0 and "span 199 x 79" in report.unplaced[0].reason


def test_points_far_outside_the_city_are_counted(tmp_path: Path) -> None:
    spots = field(10)
    spots[0, 0] += 900_000.0
    report = imported(las(tmp_path / "stray.las", spots), tmp_path).report
    assert any(w.startswith("1 points are no numbers or lie far outside") for w in report.warnings)


def test_a_cloud_that_ends_too_early_is_refused(tmp_path: Path) -> None:
    path = las(tmp_path / "cut.las", field(20))
    path.write_bytes(path.read_bytes()[:-500])
    assert "I-505" in (imported(path, tmp_path).report.error or "")
    packed = las(tmp_path / "cut.laz", field(60))
    packed.write_bytes(packed.read_bytes()[: packed.stat().st_size // 2])
    error = imported(packed, tmp_path).report.error or ""
    assert "I-505" in error or "I-503" in error


def test_an_absurd_count_makes_no_room_for_it(tmp_path: Path) -> None:
    for name in ("bomb.las", "bomb.laz"):
        path = las(tmp_path / name, field(20))
        data = bytearray(path.read_bytes())
        data[247:255] = struct.pack("<Q", 10**15)
        path.write_bytes(bytes(data))
        error = imported(path, tmp_path).report.error or ""
        assert "[I-50" in error and "1000000000000000" in error


def test_text_with_one_point_a_line_is_a_cloud(tmp_path: Path) -> None:
    path = tmp_path / "scan.xyz"
    path.write_text("".join(f"{x} {y} {z} 255 0 9\n" for x, y, z in field(5)) + "end\n")
    found = imported(path, tmp_path)
    assert found.report.objects["points"] == 25
    assert found.report.warnings == ["1 lines are no points and were left out"]
    colours = load(tmp_path / "tiles" / found.tiles[0]).colours
    assert colours is not None and colours[3].tolist() == [255, 0, 9]


@pytest.mark.data
def test_every_real_cloud_has_the_points_its_source_states(tmp_path: Path) -> None:
    stated = {}
    for folder in ("pointcloud", "delft_3dfier"):
        for line in (city_data(folder) / "SOURCE.txt").read_text().splitlines():
            if "points=" in line:
                stated[folder + "/" + line.split("\t")[0]] = int(
                    line.split("points=")[1].split()[0]
                )
    for name, count in stated.items():
        found = imported(city_data(*name.split("/")), tmp_path, None)
        assert found.report.error is None, name
        assert found.report.objects["points"] == count, name
    assert len(stated) == 16


@pytest.mark.data
def test_the_real_clouds_land_in_their_countries(tmp_path: Path) -> None:
    places = {
        "laspy/autzen_trim.laz": (-123.07, 44.06, 124.0),
        "laspy/test1_4.las": (-106.07, 35.99, 1704.7),
        "laspy/fullwave.laz": (-47.86, -15.81, 989.9),
        "pdal/bad_vlr_count.las": (-83.43, 39.01, 170.6),
    }
    for name, (lon, lat, z) in places.items():
        (asset,) = imported(city_data("pointcloud", *name.split("/")), tmp_path, None).assets
        assert asset.lon == pytest.approx(lon, abs=0.02), name
        assert asset.lat == pytest.approx(lat, abs=0.02), name
        assert asset.z == pytest.approx(z, abs=0.5), name
