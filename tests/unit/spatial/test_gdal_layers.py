"""GIS files through GDAL: all layers, all shapes, in one coordinate system, nothing lost."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import shapely
from tests.kit.testdata import city_data

from lamplighter.domain.geometry import SURFACES
from lamplighter.domain.importing import ImportedFile
from lamplighter.domain.tile_file import read_tile
from lamplighter.spatial.reader import read_file

X, Y = 91_000.0, 435_700.0


def read(path: Path, folder: Path) -> ImportedFile:
    return read_file(path, project_frame=None, tiles_folder=folder / "tiles")


def write(
    path: Path, shapes: list[Any], layer: str = "things", crs: str = "EPSG:28992", **columns: Any
) -> Path:
    pyogrio.raw.write(
        path,
        shapely.to_wkb(np.array(shapes, object)),
        [np.array(column, dtype=object) for column in columns.values()] or [np.arange(len(shapes))],
        list(columns) or ["number"],
        layer=layer,
        driver={".gpkg": "GPKG", ".shp": "ESRI Shapefile", ".fgb": "FlatGeobuf", ".kml": "KML"}[
            path.suffix
        ],
        geometry_type=shapes[0].geom_type if shapes[0] is not None else "Unknown",
        crs=crs,
        append=path.exists(),
        encoding="ISO-8859-1" if path.suffix == ".shp" else None,
    )
    return path


def square(x: float, y: float, size: float, hole: float = 0.0) -> Any:
    ring = shapely.box(x, y, x + size, y + size)
    return ring.difference(shapely.box(x + 1, y + 1, x + 1 + hole, y + 1 + hole)) if hole else ring


def test_layers_in_other_systems_are_moved_to_the_first_one(tmp_path: Path) -> None:
    path = write(tmp_path / "two.gpkg", [shapely.Point(X, Y)], "first")
    import pyproj

    lon, lat = pyproj.Transformer.from_crs(28992, 4326, always_xy=True).transform(X, Y)
    write(path, [shapely.Point(lon, lat)], "second", "EPSG:4326")
    found = read(path, tmp_path)
    assert found.report.objects == {"first": 1, "second": 1}
    one, two = found.assets
    assert one.x is not None and two.x is not None and one.y is not None and two.y is not None
    assert abs(one.x - two.x) < 0.01 and abs(one.y - two.y) < 0.01
    assert any("moved from EPSG:4326 to EPSG:28992" in text for text in found.report.warnings)


def test_holes_stay_open_and_every_part_keeps_its_outline(tmp_path: Path) -> None:
    shape = shapely.MultiPolygon([square(X, Y, 10, hole=2), square(X + 20, Y, 5)])
    found = read(write(tmp_path / "pond.gpkg", [shape], "water"), tmp_path)
    assert len(found.assets[0].path) == 5 and len(found.assets[0].more) == 2
    tile = read_tile(tmp_path / "tiles" / found.tiles[0])
    corners = tile.points[tile.triangles].astype(float)
    area = np.linalg.norm(
        np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1
    ).sum()
    assert area / 2 == pytest.approx(100 - 4 + 25, rel=1e-4)
    assert set(tile.surface.tolist()) == {SURFACES.index("Water")}


def test_a_lines_further_parts_are_kept(tmp_path: Path) -> None:
    parts = [[(X, Y), (X + 9, Y)], [(X, Y + 5), (X + 3, Y + 5)]]
    found = read(write(tmp_path / "l.gpkg", [shapely.MultiLineString(parts)]), tmp_path)
    assert (len(found.assets[0].path), len(found.assets[0].more)) == (2, 1)


def test_a_zipped_shapefile_in_latin_1_is_read(tmp_path: Path) -> None:
    write(tmp_path / "s.shp", [shapely.Point(X, Y)], name=["Gaußstraße"])
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as archive:
        for part in tmp_path.glob("s.*"):
            if part.suffix not in (".zip", ".cpg"):
                archive.write(part, f"folder/{part.name}")
    found = read(tmp_path / "s.zip", tmp_path)
    assert found.report.error is None
    assert (found.report.format, found.assets[0].name) == ("Shapefile", "Gaußstraße")


def test_rows_without_a_shape_are_listed(tmp_path: Path) -> None:
    path = write(tmp_path / "n.gpkg", [shapely.Point(X, Y), None, shapely.Point()])
    report = read(path, tmp_path).report
    assert (report.placed, len(report.unplaced)) == (1, 2)


@pytest.mark.parametrize("name", ["a.fgb", "a.kml"])
def test_other_vector_formats_are_read(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, [shapely.Point(4.4, 51.9)], crs="EPSG:4326", Name=["Lamp"])
    found = read(path, tmp_path)
    assert found.report.error is None and found.report.placed == 1
    assert found.assets[0].name == "Lamp"


def test_a_file_that_only_claims_to_be_another_kind_reads_nothing_else(tmp_path: Path) -> None:
    inner = write(tmp_path / "secret.gpkg", [shapely.Point(X, Y)])
    bait = tmp_path / "bait.kml"
    bait.write_text(
        "<?xml version='1.0'?><kml><!-- <OGRVRTDataSource> --><OGRVRTDataSource>"
        f"<OGRVRTLayer name='things'><SrcDataSource>{inner}</SrcDataSource></OGRVRTLayer>"
        "</OGRVRTDataSource></kml>"
    )
    found = read(bait, tmp_path)
    assert not found.report.placed


@pytest.mark.data
def test_the_counts_of_every_gis_layer_are_those_its_source_states(tmp_path: Path) -> None:
    checked = 0
    for topic in ("gis_vectors", "delft_3dfier", "helsinki_kalasatama"):
        folder = city_data(topic)
        for line in (folder / "SOURCE.txt").read_text("utf-8", errors="replace").splitlines():
            cells = line.split("\t")
            if len(cells) < 4 or not cells[3].startswith("OGR "):
                continue
            found = read(folder / cells[0], tmp_path)
            assert found.report.error is None, found.report.error
            for layer in cells[3].removeprefix("OGR ").split("; "):
                name, count = layer.partition(":")[0], int(layer.partition(" n=")[2].split()[0])
                stems = [a for a in found.assets if a.type == name or len(found.assets) == count]
                assert len(stems) == count, (cells[0], name)
            assert len(found.assets) == sum(found.report.objects.values())
            checked += 1
    assert checked > 20
