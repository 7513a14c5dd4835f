"""The same 61 buildings as semantic model and as 3D Tiles lie in the same place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.kit.testdata import city_data

from lamplighter.domain.city import Frame
from lamplighter.domain.importing import ImportedFile
from lamplighter.domain.tile_file import read_tile
from lamplighter.spatial.reader import read_file

pytestmark = pytest.mark.data
KALASATAMA = Frame(epsg=3879, east=25498932.0, north=6674644.0)


def read(path: Path, folder: Path) -> ImportedFile:
    return read_file(path, project_frame=KALASATAMA, tiles_folder=folder)


def boxes(found: ImportedFile, folder: Path) -> dict[str, np.ndarray]:
    """Box (2, 3) of every object as its tiles draw it."""
    assert found.layer is not None
    corners: dict[str, list[np.ndarray]] = {}
    for info in found.layer.finest:
        tile = read_tile(folder / info.name)
        for number, name in enumerate(tile.assets):
            points = tile.points[tile.triangles[tile.owner == number]].reshape(-1, 3)
            corners.setdefault(name, []).append(points)
    joined = {name: np.concatenate(parts) for name, parts in corners.items()}
    return {name: np.stack([p.min(axis=0), p.max(axis=0)]) for name, p in joined.items()}


def test_tiles_and_model_show_each_building_within_half_a_metre(tmp_path: Path) -> None:
    home = city_data("helsinki_kalasatama")
    model = read(home / "buildings" / "2549_6674.gml", tmp_path)
    tiles = read(home / "3dtiles" / "Building" / "tileset.json", tmp_path)
    assert tiles.report.placed == 61 and tiles.report.kind == "mesh"
    assert "4978" in tiles.report.crs_evidence and "height" in tiles.report.crs_evidence
    ours, theirs = boxes(model, tmp_path), boxes(tiles, tmp_path)
    assert len(theirs) == 61 and set(theirs) <= set(ours)
    apart = {name: float(np.abs(theirs[name] - ours[name]).max()) for name in theirs}
    worst = max(apart, key=lambda name: apart[name])
    assert apart[worst] < 0.5, f"{worst} lies {apart[worst]:.2f} m apart"


def test_a_building_of_the_tiles_keeps_its_name_and_attributes(tmp_path: Path) -> None:
    path = city_data("helsinki_kalasatama", "3dtiles", "Building", "tileset.json")
    found = read(path, tmp_path)
    building = next(a for a in found.assets if a.id.startswith("BID_059d0a21"))
    assert building.type == "Building" and building.domain == "buildings"
    assert building.attributes["Katuosoite"] == "Arcturuksenkatu 6"
    assert building.attributes["citygml_measured_height"] == pytest.approx(14.86)
