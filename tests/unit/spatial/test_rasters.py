"""Terrain and pictures: bounded triangles, a stated error, open gaps, pictures that lie down."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lamplighter.domain.city import Frame
from lamplighter.domain.geometry import SURFACES
from lamplighter.domain.importing import ImportedFile
from lamplighter.domain.tile_file import read_tile
from lamplighter.spatial import relief as relief_module
from lamplighter.spatial.reader import read_file
from lamplighter.spatial.relief import relief

rasterio = pytest.importorskip("rasterio")
pytestmark = [
    pytest.mark.filterwarnings("ignore::PendingDeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Dataset has no geotransform"),
    pytest.mark.filterwarnings("ignore:The given matrix is equal"),
]
FRAME = Frame(epsg=28992, east=85_000.0, north=447_500.0)


def write(path: Path, bands: Any, *, crs: str | None = "EPSG:28992", **profile: Any) -> Path:
    bands = np.asarray(bands)
    bands = bands if bands.ndim == 3 else bands[None]
    transform = rasterio.transform.from_origin(FRAME.east, FRAME.north, 2.0, 2.0)
    with rasterio.open(
        path, "w", driver="GTiff", count=len(bands), height=bands.shape[1], width=bands.shape[2],
        dtype=bands.dtype, crs=crs, **{"transform": transform, **profile},
    ) as out:  # fmt: skip
        out.write(bands)
    return path


def read(path: Path, folder: Path, **more: Any) -> ImportedFile:
    return read_file(path, project_frame=FRAME, tiles_folder=folder / "tiles", **more)


def hills(rows: int = 90, columns: int = 130) -> Any:
    y, x = np.mgrid[0:rows, 0:columns]
    return (20.0 + 8.0 * np.sin(x / 20) * np.cos(y / 15)).astype(np.float32)


def test_no_height_is_further_off_than_stated() -> None:
    from scipy.interpolate import LinearNDInterpolator

    heights = hills().astype(float)
    found = relief(heights, 0.2)
    assert len(found.triangles) < 0.3 * 2 * heights.size
    spots = np.stack([found.rows, found.columns], axis=1).astype(float)
    corners = spots[found.triangles]
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = np.abs(first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]).sum() / 2
    assert area == pytest.approx(89 * 129)  # no gap and no overlap
    rows, columns = np.mgrid[0:90, 0:130]
    drawn = LinearNDInterpolator(spots, heights[found.rows, found.columns])(rows, columns)
    assert np.nanmax(np.abs(drawn - heights)) < 3 * found.error + 1e-9


def test_the_number_of_triangles_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relief_module, "MAX_TRIANGLES", 300)
    rough = np.random.default_rng(1).random((65, 65)) * 10
    found = relief(rough, 0.01)
    assert 0 < len(found.triangles) <= 300 and found.error > 0.01


def test_a_terrain_lies_in_place_and_its_gap_stays_open(tmp_path: Path) -> None:
    heights = hills()
    heights[20:40, 30:60] = -9999
    found = read(write(tmp_path / "t.tif", heights, nodata=-9999), tmp_path)
    report = found.report
    assert (report.error, report.kind, report.placed) == (None, "terrain", 1)
    assert any("600 cells have no height" in text for text in report.warnings)
    tile = read_tile(tmp_path / "tiles" / found.tiles[0])
    assert tile.kind == "terrain" and set(tile.surface.tolist()) == {SURFACES.index("Terrain")}
    points = tile.points
    assert points[:, 0].min() == pytest.approx(1.0) and points[:, 1].max() == pytest.approx(-1.0)
    assert points[:, 0].max() == pytest.approx(259.0)
    inside = (
        (points[:, 0] > 62) & (points[:, 0] < 118) & (points[:, 1] < -42) & (points[:, 1] > -78)
    )
    assert not inside.any()
    assert points[:, 2].max() == pytest.approx(float(hills().max()), abs=0.5)


def test_a_picture_lies_on_the_terrain(tmp_path: Path) -> None:
    ground = read(write(tmp_path / "t.tif", hills() * 0 + 33), tmp_path)
    assert ground.layer is not None
    colours = np.zeros((3, 40, 50), np.uint8)
    colours[0] = 200
    path = write(tmp_path / "p.tif", colours)
    found = read(path, tmp_path, ground=ground.layer.tiles)
    assert (found.report.kind, found.report.placed) == ("imagery", 1)
    tile = read_tile(tmp_path / "tiles" / found.tiles[0])
    assert tile.points[:, 2].mean() == pytest.approx(33.0, abs=0.6)
    assert tile.uv is not None and tile.image.startswith(b"\xff\xd8")
    corner = np.argmin(tile.points[:, 0] - tile.points[:, 1])
    assert tile.uv[corner].tolist() == [0.0, 1.0]


def test_gaps_of_a_picture_are_transparent(tmp_path: Path) -> None:
    colours = np.full((3, 40, 50), 90, np.uint8)
    colours[:, :10] = 0
    found = read(write(tmp_path / "p.tif", colours, nodata=0), tmp_path)
    assert read_tile(tmp_path / "tiles" / found.tiles[0]).image.startswith(b"\x89PNG")


def test_a_large_raster_is_read_coarser_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lamplighter.spatial.rasters.MAX_SIDE", 33)
    found = read(write(tmp_path / "t.tif", hills()), tmp_path)
    assert any("every 5th row and column" in text for text in found.report.warnings)
    tile = read_tile(tmp_path / "tiles" / found.tiles[0])
    assert tile.points[:, 0].max() == pytest.approx(255.0)


def test_world_files_and_grids_of_text_are_read(tmp_path: Path) -> None:
    grid = tmp_path / "g.asc"
    rows = "\n".join("1 2 3 4" for _ in range(3))
    grid.write_text(
        f"ncols 4\nnrows 3\nxllcorner 85000\nyllcorner 447500\ncellsize 5\nNODATA_value -9\n{rows}"
    )
    report = read(grid, tmp_path, epsg_override=28992).report
    assert (report.format, report.kind, report.placed) == ("Esri ASCII grid", "terrain", 1)
    picture = tmp_path / "p.png"
    with rasterio.open(
        picture, "w", driver="PNG", count=3, height=8, width=8, dtype="uint8"
    ) as out:
        out.write(np.full((3, 8, 8), 77, np.uint8))
    for note in tmp_path.glob("*.aux.xml"):
        note.unlink()
    (tmp_path / "p.wld").write_text("2\n0\n0\n-2\n85001\n447499\n")
    report = read(picture, tmp_path).report
    assert (report.kind, report.placed, report.crs) == ("imagery", 1, "EPSG:28992")
    assert "no coordinate system in the file" in report.crs_evidence


@pytest.mark.parametrize("keep", [0.02, 0.5])
def test_a_cut_off_raster_is_one_line(tmp_path: Path, keep: float) -> None:
    path = write(tmp_path / "t.tif", hills(200, 200))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    report = read(path, tmp_path).report
    assert report.error is not None and "\n" not in report.error and "I-50" in report.error


def test_a_photograph_without_a_place_is_refused(tmp_path: Path) -> None:
    picture = np.full((3, 8, 8), 1, np.uint8)
    path = write(tmp_path / "p.tif", picture, crs=None, transform=rasterio.Affine.identity())
    error = read(path, tmp_path).report.error
    assert error is not None and "does not say where on the map" in error
