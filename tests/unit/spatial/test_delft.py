"""Delft: map layers, city model and point cloud coincide."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import shapely
from tests.kit.testdata import city_data
from threadpoolctl import threadpool_limits

from lamplighter.domain.geometry import SURFACES
from lamplighter.domain.importing import ImportedFile
from lamplighter.domain.layers import TileInfo
from lamplighter.domain.tile_file import read_tile
from lamplighter.spatial.ground import Ground, known_tiles
from lamplighter.spatial.reader import choose_frame, read_file

pytestmark = pytest.mark.data
LAYERS = (
    "begroeidterreindeel", "kunstwerkdeel", "onbegroeidterreindeel", "ondersteunendwaterdeel",
    "ondersteunendwegdeel", "overbruggingsdeel", "overigbouwwerk", "pand", "scheiding",
    "tunneldeel", "waterdeel", "wegdeel",
)  # fmt: skip


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As in the workers, where this runs for users: threads only wait for each other here."""
    with threadpool_limits(1):
        yield


def read(folder: Path, first: ImportedFile | None, *parts: str) -> ImportedFile:
    ground: tuple[TileInfo, ...] = known_tiles(first.layer) if first is not None else ()
    frame = choose_frame([first]) if first is not None else None
    path = city_data("delft_3dfier", *parts)
    return read_file(path, project_frame=frame, tiles_folder=folder, ground=ground)


def test_buildings_of_the_map_stand_within_half_a_metre_of_the_model(tmp_path: Path) -> None:
    model = read(tmp_path, None, "3dbag_cityjson", "delft.json")
    outlines = read(tmp_path, model, "bgt", "bgt_pand.sqlite")
    assert len(outlines.assets) == 160
    footprints = _footprints(tmp_path, model, {asset.id for asset in outlines.assets})
    compared = 0
    for asset in outlines.assets:
        outline = shapely.Polygon([spot[:2] for spot in asset.path])
        body = footprints[asset.id]
        assert shapely.hausdorff_distance(outline.envelope, body.envelope) < 0.5, asset.id
        assert outline.buffer(0).symmetric_difference(body).area < 0.5 * outline.length, asset.id
        compared += 1
    assert compared == 160


def _footprints(folder: Path, model: ImportedFile, wanted: set[str]) -> dict[str, shapely.Geometry]:
    parts: dict[str, list[shapely.Geometry]] = {}
    roof = SURFACES.index("RoofSurface")
    for name in model.tiles:
        tile = read_tile(folder / name)
        triangles = shapely.polygons(tile.points[:, :2].astype(float)[tile.triangles])
        flat = shapely.area(triangles) > 1e-4
        if (tile.surface == roof).any():
            flat &= tile.surface == roof
        for owner, triangle in zip(tile.owner[flat].tolist(), triangles[flat], strict=True):
            if tile.assets[owner] in wanted:
                parts.setdefault(tile.assets[owner], []).append(triangle)
    return {name: shapely.union_all(flat, grid_size=1e-4) for name, flat in parts.items()}


def test_every_layer_of_the_map_lies_on_the_ground_of_the_model(tmp_path: Path) -> None:
    model = read(tmp_path, None, "3dbag_cityjson", "delft.json")
    drawn = 0
    for layer in LAYERS:
        found = read(tmp_path, model, "bgt", f"bgt_{layer}.sqlite")
        assert found.report.error is None
        assert found.report.placed == len(found.assets) == sum(found.report.objects.values())
        for name in found.tiles:
            tile = read_tile(tmp_path / name)
            assert tile.points[:, 2].min() > -1.0 and tile.points[:, 2].max() < 3.0
            drawn += len(tile.triangles)
    assert drawn > 5_000


def test_the_cloud_has_its_ground_where_the_model_has_it(tmp_path: Path) -> None:
    model = read(tmp_path, None, "3dbag_cityjson", "delft.json")
    cloud = read(tmp_path, model, "ahn3", "ahn3_cropped_2.laz")
    assert model.layer is not None and cloud.layer is not None
    road = SURFACES.index("Road")
    spots = []
    for name in model.tiles:
        tile = read_tile(tmp_path / name)
        rows = tile.triangles[tile.surface == road]
        spots.append(tile.points.astype(float)[rows].mean(axis=1))
    places = np.concatenate(spots)
    points = np.concatenate([read_tile(tmp_path / t).points for t in cloud.tiles]).astype(float)
    inside = (places[:, 0] > points[:, 0].min() + 1) & (places[:, 0] < points[:, 0].max() - 1)
    under = Ground(known_tiles(cloud.layer), tmp_path).under(places[inside])
    off = np.abs(under - places[inside][:, 2])
    assert np.isfinite(off).sum() > 200 and np.nanmedian(off) < 0.5
