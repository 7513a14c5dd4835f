"""Real CityJSON and CityGML in full: levels, windows, textures, and versions that must agree."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.kit.testdata import city_data

from lamplighter.domain.geometry import SURFACES
from lamplighter.domain.importing import ImportedFile
from lamplighter.domain.tile_file import read_tile
from lamplighter.spatial.reader import read_file

pytestmark = pytest.mark.data
PAIRS = ("LOD0", "LOD1", "LOD2", "and_garage_LOD2")


def read(folder: Path, *parts: str) -> ImportedFile:
    return read_file(city_data(*parts), project_frame=None, tiles_folder=folder)


def words(folder: Path, found: ImportedFile) -> dict[str, int]:
    """Triangles of the finest picture by meaning."""
    surface = np.concatenate([read_tile(folder / name).surface for name in found.tiles])
    kinds, counts = np.unique(surface, return_counts=True)
    return {SURFACES[k]: int(n) for k, n in zip(kinds, counts, strict=True)}


def test_ingolstadt_has_its_windows_and_doors_in_level_3(tmp_path: Path) -> None:
    found = read(tmp_path, "ingolstadt", "lod3_citygml2", "4018257", "4018257.xml")
    report = found.report
    assert {k: report.objects[k] for k in ("Window", "Door", "WallSurface", "RoofSurface")} == {
        "Window": 99, "Door": 1, "WallSurface": 107, "RoofSurface": 5,
    }  # fmt: skip
    assert (report.crs, report.lods) == ("EPSG:32632", [3.0])
    assert words(tmp_path, found)["Window"] >= 2 * 99
    assert report.extent_wgs84 == pytest.approx([11.42436, 48.76260, 11.42488, 48.76283], abs=5e-5)


@pytest.mark.parametrize("name", PAIRS)
def test_the_same_building_in_version_2_and_3_is_the_same(tmp_path: Path, name: str) -> None:
    folder = ("citygml_spec_examples", "ogc_v2_v3_pairs", "building")
    file = f"Building_{name}-EPSG25832.gml"
    two = read(tmp_path / "2", *folder, "CityGMLv2", file)
    three = read(tmp_path / "3", *folder, "CityGMLv3", file)
    assert two.report.triangles == three.report.triangles > 0
    assert two.report.extent_wgs84 == pytest.approx(three.report.extent_wgs84, abs=1e-8)


def test_the_room_of_level_4_and_the_street_of_three_levels(tmp_path: Path) -> None:
    room = read(tmp_path, "citygml_spec_examples", "ets20", "Building_LOD4-EPSG25832.gml")
    assert room.report.objects["Room"] == 1 and room.report.lods[-1] == 4.0
    street = read(tmp_path, "citygml_spec_examples", "geoRES_testdata.zip")
    assert street.report.lods == [1.0, 2.0, 3.0]
    assert street.report.placed == 41
    assert any(read_tile(tmp_path / name).image for name in street.tiles)


def test_the_two_textured_buildings_of_rotterdam_wear_their_pictures(tmp_path: Path) -> None:
    found = read(tmp_path, "rotterdam", "two-buildings-textures.zip")
    tiles = [read_tile(tmp_path / name) for name in found.tiles]
    assert found.report.warnings == []
    dressed = [tile for tile in tiles if tile.uv is not None]
    assert all(tile.image for tile in dressed)
    assert sum(len(t.triangles) for t in dressed) == 128
    uv = np.concatenate([tile.uv for tile in dressed if tile.uv is not None])
    assert uv.min() >= 0.0 and uv.max() <= 1.0


def test_all_levels_of_the_dutch_buildings_are_there(tmp_path: Path) -> None:
    found = read(tmp_path, "conformance", "cjdb", "cjfiles", "tile_901_trimmed.jsonl")
    assert found.report.lods == [0.0, 1.2, 1.3, 2.2]
    assert found.layer is not None
    owners = {
        rank: {
            asset
            for tile in found.layer.tiles if tile.rank == rank
            for asset in read_tile(tmp_path / tile.name).assets
        }
        for rank in range(4)
    }  # fmt: skip
    assert owners[0] == owners[1] == owners[2] and len(owners[3]) == 52


def test_zurich_lies_in_zurich_in_the_oldest_version(tmp_path: Path) -> None:
    found = read(tmp_path, "zurich", "zurich-lod2-citygml1.xml")
    assert found.report.objects == {
        "Building": 4, "BuildingPart": 6, "GroundSurface": 4, "RoofSurface": 12, "WallSurface": 45,
    }  # fmt: skip
    assert found.report.placed == 10
    assert found.report.extent_wgs84 is not None
    assert found.report.extent_wgs84[0] == pytest.approx(8.54, abs=0.02)
