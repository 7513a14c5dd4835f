"""Tiles: bounded, stable, self-contained, and never believed when damaged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lamplighter.domain.geometry import TileArrays
from lamplighter.domain.tile_file import DamagedTile, read_tile, write_tile
from lamplighter.spatial import tiles


def strip(count: int, step: float) -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray]:
    """`count` objects of one triangle each, `step` metres apart, sharing all points."""
    points = np.zeros((count + 2, 3))
    points[:, 0] = np.arange(count + 2) * step
    points[::2, 1] = 1.0
    corners = np.arange(count)[:, None] + np.arange(3)
    return [f"a{n}" for n in range(count)], points, corners, np.arange(count)


def test_objects_go_to_tiles_of_half_a_kilometre() -> None:
    names, points, corners, owner = strip(100, 20.0)
    surface = np.zeros(100, np.uint8)
    found = [t for t, _ in tiles.cut("k", names, points, corners, owner, surface)]
    assert len(found) == 5
    assert [name for tile in found for name in tile.assets] == names
    for tile in found:
        assert np.ptp(tile.points[:, 0]) <= tiles.TILE_METRES + 60
        assert len(tile.points) == 3 * len(tile.triangles), "points belong to one owner each"


def test_names_are_stable() -> None:
    names, points, corners, owner = strip(30, 40.0)
    surface = np.zeros(30, np.uint8)
    first, second = (
        [t.name for t, _ in tiles.cut("k", names, points, corners, owner, surface)]
        for _ in range(2)
    )
    assert first == second and len(set(first)) == len(first)


def test_a_tile_holds_a_limited_number_of_triangles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiles, "MAX_TRIANGLES", 7)
    names, points, corners, owner = strip(50, 0.1)
    surface = np.zeros(50, np.uint8)
    found = [t for t, _ in tiles.cut("k", names, points, corners, owner // 5, surface)]
    assert all(len(tile.triangles) <= 7 for tile in found)
    assert sum(len(tile.triangles) for tile in found) == 50
    assert all(len(tile.assets) == 1 for tile in found), "an owner is not split without need"


def tile() -> TileArrays:
    return TileArrays(
        "t.npz",
        ("a", "ä"),
        np.eye(3, dtype=np.float32),
        np.array([[0, 1, 2]], np.int32),
        np.array([1], np.int32),
        np.array([3], np.uint8),
    )


def test_a_tile_comes_back_as_it_was_written(tmp_path: Path) -> None:
    name = write_tile(tile(), tmp_path)
    back = read_tile(tmp_path / name)
    assert back.assets == ("a", "ä") and back.name == "t.npz"
    assert np.array_equal(back.points, tile().points)
    assert np.array_equal(back.triangles, tile().triangles)
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize("what", ["points", "triangles", "owner", "surface", "length"])
def test_arrays_that_contradict_each_other_are_refused(tmp_path: Path, what: str) -> None:
    good = tile()
    parts: dict[str, Any] = {
        "points": good.points,
        "triangles": good.triangles,
        "owner": good.owner,
        "surface": good.surface,
    }
    wrong = {
        "points": np.full((3, 3), np.nan, np.float32),
        "triangles": np.array([[0, 1, 3]], np.int32),
        "owner": np.array([2], np.int32),
        "surface": np.array([200], np.uint8),
    }
    if what == "length":
        parts["owner"] = np.array([0, 1], np.int32)
    else:
        parts[what] = wrong[what]
    write_tile(TileArrays("t.npz", good.assets, **parts), tmp_path)
    with pytest.raises(DamagedTile):
        read_tile(tmp_path / "t.npz")


def test_texture_and_colours_come_back_too(tmp_path: Path) -> None:
    textured = replace(
        tile(),
        kind="mesh",
        lod=2.2,
        uv=np.zeros((3, 2), np.float32),
        colours=np.full((3, 3), 9, np.uint8),
        image=b"\x89PNG",
    )
    back = read_tile(tmp_path / write_tile(textured, tmp_path))
    assert (back.kind, back.lod, back.image) == ("mesh", 2.2, b"\x89PNG")
    assert back.uv is not None and back.colours is not None
    assert back.uv.shape == (3, 2) and (back.colours == 9).all()


def test_a_texture_of_another_shape_is_refused(tmp_path: Path) -> None:
    write_tile(replace(tile(), uv=np.zeros((2, 2), np.float32)), tmp_path)
    with pytest.raises(DamagedTile):
        read_tile(tmp_path / "t.npz")


def test_any_damaged_byte_range_is_an_error_not_a_crash(tmp_path: Path) -> None:
    path = tmp_path / write_tile(tile(), tmp_path)
    whole = path.read_bytes()
    for cut in (0, 10, len(whole) // 2, len(whole) - 5):
        path.write_bytes(whole[:cut])
        with pytest.raises(DamagedTile):
            read_tile(path)
    with pytest.raises(DamagedTile):
        read_tile(tmp_path / "missing.npz")
