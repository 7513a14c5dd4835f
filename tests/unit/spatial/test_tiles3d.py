"""Tilesets: the finest tiles that are there, every object once, the right place on the Earth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import pytest
from tests.fixtures.meshes import (
    SQUARE,
    b3dm,
    cmpt,
    i3dm,
    pnts,
    shift,
    square,
    subtree,
    tileset,
)
from tests.kit.testdata import city_data

from lamplighter.domain.city import Frame
from lamplighter.domain.importing import ImportedFile
from lamplighter.spatial import tile_tree, tiles3d
from lamplighter.spatial.reader import read_file
from lamplighter.spatial.tiles import load

HERE = Frame(epsg=28992, east=0.0, north=0.0)
DELFT = Frame(epsg=28992, east=84900.0, north=447500.0)


def imported(path: Path, frame: Frame | None = HERE) -> ImportedFile:
    return read_file(path, project_frame=frame, tiles_folder=path.parent / "cache")


def drawn(path: Path, found: ImportedFile) -> np.ndarray:
    """All points of the finest tiles."""
    parts = [load(path.parent / "cache" / name).points for name in found.tiles]
    return np.concatenate(parts)


def on_earth(lon: float, lat: float, height: float) -> list[float]:
    """A transform that puts a tile there, x to the east, y to the north, z up."""
    spot = pyproj.Transformer.from_crs(4979, 4978, always_xy=True).transform(lon, lat, height)
    a, b = np.radians(lon), np.radians(lat)
    east = [-np.sin(a), np.cos(a), 0.0]
    north = [-np.sin(b) * np.cos(a), -np.sin(b) * np.sin(a), np.cos(b)]
    up = [np.cos(b) * np.cos(a), np.cos(b) * np.sin(a), np.sin(b)]
    return [*east, 0.0, *north, 0.0, *up, 0.0, *spot, 1.0]


def write(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_earth_centred_tiles_land_in_the_frame_within_a_centimetre(tmp_path: Path) -> None:
    lon, lat = 4.366, 52.0115
    write(tmp_path / "wall.b3dm", b3dm(square().glb()))
    path = tileset(
        tmp_path / "tileset.json",
        {"transform": on_earth(lon, lat, 3.0), "content": {"uri": "wall.b3dm"}},
    )
    found = imported(path, DELFT)
    assert "EPSG:4978" in found.report.crs_evidence
    points = drawn(path, found)
    x, y = pyproj.Transformer.from_crs(4326, 28992, always_xy=True).transform(lon, lat)
    corner = points[np.argmin(points[:, 0] + points[:, 2])]
    assert np.allclose(corner, (x - DELFT.east, y - DELFT.north, 3.0), atol=0.01)
    assert points[:, 2].max() == pytest.approx(13.0, abs=0.01)


@pytest.mark.parametrize(("above", "words"), [(0.0, "above sea level"), (43.2, "the ellipsoid")])
def test_stated_ground_levels_tell_which_heights_are_meant(
    tmp_path: Path, above: float, words: str
) -> None:
    levels = [2.0, 2.5, 3.0, 4.0]
    children = []
    for number, level in enumerate(levels):
        table = {"gml_id": [f"b{number}"], "GroundLevel": [str(level)]}
        write(tmp_path / f"{number}.b3dm", b3dm(square([0] * 4).glb(), 1, table))
        place = on_earth(4.366 + number * 0.001, 52.0115, level + above)
        children.append({"transform": place, "content": {"uri": f"{number}.b3dm"}})
    found = imported(tileset(tmp_path / "tileset.json", {"children": children}), DELFT)
    assert words in found.report.crs_evidence
    feet = sorted(a.z for a in found.assets if a.z is not None)
    assert np.allclose(feet, levels, atol=0.02)


def test_batch_tables_own_the_triangles_and_name_the_objects(tmp_path: Path) -> None:
    table = {"gml_id": ["north", "south"], "floors": [3, None], "class": ["Building", "Building"]}
    body = square([1, 0, 0, 0]).glb()
    path = write(tmp_path / "two.b3dm", b3dm(body, 2, table, centre=(20.0, 30.0, 0.0)))
    found = imported(path)
    assert found.report.objects == {"Building": 2, "triangles": 2}
    assert {a.id for a in found.assets} == {"north", "south"}
    (tile,) = [load(path.parent / "cache" / name) for name in found.tiles]
    assert sorted(tile.assets[n] for n in tile.owner.tolist()) == ["south", "south"]
    other = write(tmp_path / "half.b3dm", b3dm(square([0, 0, 1, 1]).glb(), 2, table))
    (tile,) = [load(path.parent / "cache" / name) for name in imported(other).tiles]
    assert [tile.assets[n] for n in tile.owner.tolist()] == ["north", "north"]
    assert found.assets[0].attributes["floors"] == 3


def test_one_object_in_several_tiles_is_one_object(tmp_path: Path) -> None:
    for name, centre in (("a.b3dm", (0, 0, 0)), ("b.b3dm", (40, 0, 0))):
        table = {"gml_id": ["both"], "n": [1]}
        write(tmp_path / name, b3dm(square([0] * 4).glb(), 1, table, centre))
    children = [{"content": {"uri": name}} for name in ("a.b3dm", "b.b3dm")]
    path = tileset(tmp_path / "tileset.json", {"refine": "ADD", "children": children})
    found = imported(path)
    (asset,) = found.assets
    assert asset.id == "both" and found.report.triangles == 4
    assert asset.x == pytest.approx(25.0)


def test_numbers_as_ids_do_not_mix_tiles(tmp_path: Path) -> None:
    for name in ("a.b3dm", "b.b3dm"):
        write(tmp_path / name, b3dm(square([0] * 4).glb(), 1, {"id": [0]}))
    children = [{"content": {"uri": name}} for name in ("a.b3dm", "b.b3dm")]
    path = tileset(tmp_path / "town" / "tileset.json", {"children": []})
    path = tileset(tmp_path / "tileset.json", {"refine": "ADD", "children": children})
    assert {a.id for a in imported(path).assets} == {f"{tmp_path.name}/{n}#0" for n in "ab"}


def levels(folder: Path, *, last: bool = True) -> Path:
    """Three tiles that replace each other, 10, 20 and 30 m wide."""
    for number in (1, 2, 3):
        if number < 3 or last:
            glb = square(points=(SQUARE * number).astype(np.float32)).glb()
            write(folder / f"{number}.glb", glb)
    tile: dict[str, Any] = {"content": {"uri": "3.glb"}}
    for number in (2, 1):
        tile = {"content": {"uri": f"{number}.glb"}, "refine": "REPLACE", "children": [tile]}
    return tileset(folder / "tileset.json", tile, "1.1")


def test_the_finest_tile_replaces_the_coarser_ones(tmp_path: Path) -> None:
    path = levels(tmp_path)
    found = imported(path)
    assert found.report.triangles == 2
    assert drawn(path, found).max() == pytest.approx(30.0)
    assert "2 coarser tiles are replaced by finer ones" in found.report.warnings


def test_a_missing_fine_tile_leaves_the_coarser_one_and_is_said(tmp_path: Path) -> None:
    path = levels(tmp_path, last=False)
    found = imported(path)
    assert drawn(path, found).max() == pytest.approx(20.0)
    assert any("3.glb" in u.reason and "missing" in u.reason for u in found.report.unplaced)


def test_a_tileset_that_is_too_large_stays_coarser(tmp_path: Path) -> None:
    root = tile_tree.read_tree(levels(tmp_path)).root
    size = root.size
    kept = tile_tree.choose(root, budget=int(size * 0.5))
    assert [tile.files[0][0] for tile in kept.tiles] == ["1.glb"]
    assert (kept.coarser, kept.finer) == (0, 2)


def test_added_tiles_stand_beside_their_parents(tmp_path: Path) -> None:
    write(tmp_path / "a.glb", square().glb())
    root = {
        "refine": "ADD", "content": {"uri": "a.glb"},
        "children": [{"content": {"uri": "a.glb"}, "transform": shift(100, 0, 0)}],
    }  # fmt: skip
    path = tileset(tmp_path / "tileset.json", root)
    found = imported(path)
    assert found.report.triangles == 4 and drawn(path, found).max() == pytest.approx(110.0)


def test_tilesets_in_tilesets_and_the_old_key_url(tmp_path: Path) -> None:
    write(tmp_path / "inner" / "a.glb", square().glb())
    tileset(tmp_path / "inner" / "tileset.json", {"content": {"url": "a.glb"}}, "0.0")
    root = {"transform": shift(5, 0, 0), "content": {"url": "inner/tileset.json"}}
    path = tileset(tmp_path / "tileset.json", root)
    found = imported(path)
    assert drawn(path, found)[:, 0].max() == pytest.approx(15.0)
    assert {p.name for p in tiles3d.brings(path)} == {"tileset.json", "a.glb"}


def test_points_instances_and_composites(tmp_path: Path) -> None:
    cloud = pnts(np.zeros((5, 3)), np.full((5, 3), 9), (1.0, 2.0, 3.0))
    trees = i3dm(
        square().glb(), np.array([[0, 0, 0], [50, 0, 0], [0, 50, 0]]), {"name": list("abc")}
    )
    write(tmp_path / "all.cmpt", cmpt(cloud, trees))
    path = tileset(tmp_path / "tileset.json", {"content": {"uri": "all.cmpt"}})
    found = imported(path)
    assert found.report.triangles == 6
    assert found.report.objects["points"] == 5
    assert {"a", "b", "c"} <= {a.id for a in found.assets}
    b = next(a for a in found.assets if a.id == "b")
    assert b.x == pytest.approx(55.0)


@pytest.mark.parametrize(("scheme", "axes"), [("QUADTREE", 2), ("OCTREE", 3)])
def test_implicit_tiles_come_from_the_bits_of_subtrees(
    tmp_path: Path, scheme: str, axes: int
) -> None:
    branch = 2**axes
    first = [True] * (1 + branch)
    contents = [True] + [False] * (branch - 1) + [True]
    below = [False] * branch**2
    below[branch] = True
    write(tmp_path / "s" / "0.0.0.0.subtree", subtree(first, contents, below))
    write(
        tmp_path / "s" / "2.2.0.0.subtree",
        subtree([True] + [False] * branch, [True] + [False] * branch, [False] * branch**2),
    )
    top = 1 if axes == 3 else 0
    for name, width in (("0.0.0.0", 1), (f"1.1.1.{top}", 2), ("2.2.0.0", 3)):
        glb = square(points=(SQUARE * width).astype(np.float32)).glb()
        write(tmp_path / "c" / f"{name}.glb", glb)
    implicit = {
        "subdivisionScheme": scheme, "availableLevels": 3, "subtreeLevels": 2,
        "subtrees": {"uri": "s/{level}.{x}.{y}.{z}.subtree"},
    }  # fmt: skip
    root = {
        "refine": "ADD", "content": {"uri": "c/{level}.{x}.{y}.{z}.glb"},
        "implicitTiling": implicit,
    }  # fmt: skip
    path = tileset(tmp_path / "tileset.json", root, "1.1")
    found = imported(path)
    assert found.report.error is None and found.report.triangles == 6
    assert len(tiles3d.brings(path)) == 5


def test_a_tileset_that_names_itself_is_refused(tmp_path: Path) -> None:
    path = tileset(tmp_path / "tileset.json", {"content": {"uri": "other.json"}})
    tileset(tmp_path / "other.json", {"content": {"uri": "tileset.json"}})
    assert "names itself" in (imported(path).report.error or "")


def test_nothing_outside_the_folder_is_read(tmp_path: Path) -> None:
    write(tmp_path / "secret.glb", square().glb())
    children = [{"content": {"uri": uri}} for uri in ("../secret.glb", "https://example.org/a.glb")]
    path = tileset(tmp_path / "home" / "tileset.json", {"children": children})
    found = imported(path)
    reasons = " ".join(u.reason for u in found.report.unplaced)
    assert not found.tiles and "outside" in reasons and "never fetched" in reasons


def test_one_damaged_tile_is_listed_and_the_others_are_taken(tmp_path: Path) -> None:
    write(tmp_path / "good.glb", square().glb())
    write(tmp_path / "bad.b3dm", b3dm(square().glb())[:-30])
    children = [{"content": {"uri": uri}} for uri in ("good.glb", "bad.b3dm")]
    path = tileset(tmp_path / "tileset.json", {"refine": "ADD", "children": children})
    found = imported(path)
    assert found.report.triangles == 2
    assert [u.id for u in found.report.unplaced] == ["bad.b3dm"]


def test_an_empty_tileset_says_that_it_is_empty(tmp_path: Path) -> None:
    found = imported(tileset(tmp_path / "tileset.json", {}))
    assert "no tile with content" in found.report.unplaced[0].reason


@pytest.mark.parametrize("change", ["children", "transform", "content"])
def test_broken_trees_are_refused_in_one_line(tmp_path: Path, change: str) -> None:
    write(tmp_path / "a.glb", square().glb())
    path = tileset(tmp_path / "tileset.json", {"content": {"uri": "a.glb"}})
    document = json.loads(path.read_text())
    document["root"][change] = {"children": 7, "transform": [1, 2], "content": [3]}[change]
    path.write_text(json.dumps(document))
    error = imported(path).report.error or ""
    assert "[I-503]" in error and "\n" not in error


@pytest.mark.parametrize("data", [b"b3dm", b"pnts" + b"\xff" * 60, b"i3dm" + b"\x01\0\0\0" * 7])
def test_cut_tiles_are_refused(tmp_path: Path, data: bytes) -> None:
    error = imported(write(tmp_path / "a.b3dm", data)).report.error or ""
    assert "[I-50" in error


@pytest.mark.data
def test_every_real_tile_has_the_objects_its_source_states() -> None:
    from lamplighter.spatial.tile_content import read_content

    seen = 0
    for topic in ("mesh_3dtiles", "helsinki_kalasatama"):
        folder = city_data(topic)
        for line in (folder / "SOURCE.txt").read_text().splitlines():
            name, _, told = line.partition("\t")
            if name.endswith(".b3dm") and "BATCH_LENGTH=" in told:
                content = read_content((folder / name).read_bytes(), (folder / name).parent)
                stated = int(told.split("BATCH_LENGTH=")[1].split()[0])
                found = sum(table.count for table in content.tables)
                if name != "3dtiles/Building/data/data0.b3dm":  # stated 23, and 61 in its head
                    assert found == stated, name
                else:
                    assert found == 61
                seen += 1
    assert seen > 100


@pytest.mark.data
def test_the_real_tilesets_are_placed_or_say_why_not(tmp_path: Path) -> None:
    samples = city_data("mesh_3dtiles", "3d-tiles-samples")
    helsinki = city_data("helsinki_kalasatama", "3dtiles")

    def take(path: Path) -> ImportedFile:
        return read_file(path, project_frame=None, tiles_folder=tmp_path)

    dragon = take(samples / "1.0" / "TilesetWithDiscreteLOD" / "tileset.json")
    assert dragon.report.placed == 1 and "dragon_high" in dragon.report.unplaced[0].reason
    town = take(samples / "1.0" / "TilesetWithRequestVolume" / "tileset.json")
    assert town.report.objects["Mesh"] == 41 and town.report.objects["points"] == 125000
    assert town.report.extent_wgs84 is not None
    assert town.report.extent_wgs84[0] == pytest.approx(-75.6144, abs=0.001)
    alone = take(samples / "1.1" / "MetadataGranularities" / "tileset.json")
    assert alone.report.placed == 0 and alone.report.objects["Mesh"] == 20
    lights = take(helsinki / "StreetLights" / "CityFurniture" / "tileset.json")
    assert lights.report.objects == {"CityFurniture": 7} and lights.report.placed == 0
    empty = take(helsinki / "StreetLights" / "CityModel" / "tileset.json")
    assert "no tile with content" in empty.report.unplaced[0].reason
    walls = take(helsinki / "StreetLights" / "WallSurface" / "tileset.json")
    assert walls.report.objects["BoundarySurface"] == 850
    roofs = take(helsinki / "StreetLights" / "RoofSurface" / "tileset.json")
    assert roofs.report.objects["BoundarySurface"] == 192
