"""OBJ, PLY, OFF and STL: objects, looks, both byte orders, and one line for what is broken."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from tests.fixtures.meshes import SQUARE, png
from tests.kit.testdata import city_data

from lamplighter.domain.city import Frame
from lamplighter.domain.geometry import TileArrays
from lamplighter.domain.importing import ImportedFile
from lamplighter.spatial import obj
from lamplighter.spatial.reader import read_file
from lamplighter.spatial.tiles import load

HERE = Frame(epsg=28992, east=0.0, north=0.0)
POINTS = "".join(f"v {x} {y} {z}\n" for x, y, z in SQUARE.tolist())


def imported(path: Path, data: bytes | str, frame: Frame | None = HERE) -> ImportedFile:
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return read_file(path, project_frame=frame, tiles_folder=path.parent / "cache")


def boxes(found: ImportedFile, folder: Path) -> dict[str, np.ndarray]:
    """Box (2, 3) of every object as its finest tiles draw it."""
    assert found.layer is not None
    corners: dict[str, list[np.ndarray]] = {}
    for info in found.layer.finest:
        tile = load(folder / info.name)
        for number, name in enumerate(tile.assets):
            spots = tile.points[tile.triangles[tile.owner == number]].reshape(-1, 3)
            corners.setdefault(name, []).append(spots)
    joined = {name: np.concatenate(parts) for name, parts in corners.items()}
    return {name: np.stack([p.min(axis=0), p.max(axis=0)]) for name, p in joined.items()}


def tiles(path: Path, found: ImportedFile) -> list[TileArrays]:
    return [load(path.parent / "cache" / name) for name in found.tiles]


def test_objects_of_an_obj_are_objects_with_the_colours_of_their_materials(tmp_path: Path) -> None:
    (tmp_path / "m.mtl").write_text("newmtl RoadTop\nKd 0.2 0.4 1\nnewmtl BuildingWall\nKd 1 0 0\n")
    road = "o road-1\nusemtl RoadTop\nf 1 2 3 4\n"
    text = f"mtllib m.mtl\n{POINTS}{road}o b-1\nusemtl BuildingWall\nf -4 -3 -1\n"
    path = tmp_path / "town.obj"
    found = imported(path, text)
    assert found.report.objects == {"Road": 1, "Building": 1, "triangles": 3}
    assert {a.id: a.domain for a in found.assets} == {"road-1": "mobility", "b-1": "buildings"}
    (tile,) = tiles(path, found)
    assert tile.colours is not None
    shown = {
        tile.assets[o]: tile.colours[t[0]].tolist()
        for o, t in zip(tile.owner.tolist(), tile.triangles.tolist(), strict=True)
    }
    assert shown == {"road-1": [51, 102, 255], "b-1": [255, 0, 0]}
    assert obj.brings(path) == [tmp_path / "m.mtl"]


def test_a_picture_of_an_obj_lies_on_its_faces(tmp_path: Path) -> None:
    (tmp_path / "m.mtl").write_text("newmtl a\nmap_Kd -s 1 1 1 .\\pic ture.png\n")
    (tmp_path / "pic ture.png").write_bytes(png())
    places = "vt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\n"
    path = tmp_path / "wall.obj"
    text = f"mtllib m.mtl\n{POINTS}{places}usemtl a\nf 1/1 2/2 3/3 4/4\n"
    (tile,) = tiles(path, imported(path, text))
    assert tile.image == png() and tile.uv is not None
    assert np.allclose(tile.uv * 10.0, tile.points[:, :2])
    assert {p.name for p in obj.brings(path)} == {"m.mtl", "pic ture.png"}


def test_a_hollow_polygon_is_not_filled(tmp_path: Path) -> None:
    arrow = "v 0 0 0\nv 10 5 0\nv 0 10 0\nv 4 5 0\nf 1 2 3 4\n"
    path = tmp_path / "arrow.obj"
    (tile,) = tiles(path, imported(path, arrow))
    flat = tile.points[tile.triangles][:, :, :2]
    a, b = flat[:, 1] - flat[:, 0], flat[:, 2] - flat[:, 0]
    assert np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum() / 2 == pytest.approx(30.0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (POINTS + "f 1 2 0\n", "line 5 names point 0"),
        (POINTS + "f 1 2 9\n", "line 5 names point 9 of 4"),
        (POINTS + "f 1 2 x\n", "line 5"),
        ("v 1 2\nf 1 1 1\n", "I-503"),
    ],
)
def test_a_broken_obj_names_its_line(tmp_path: Path, text: str, words: str) -> None:
    assert words in (imported(tmp_path / "a.obj", text).report.error or "")


def test_materials_of_other_folders_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "m.mtl").write_text("newmtl a\nKd 1 0 0\n")
    home = tmp_path / "home"
    home.mkdir()
    found = imported(home / "a.obj", f"mtllib ../m.mtl\n{POINTS}f 1 2 3\n")
    assert any("outside" in w for w in found.report.warnings) and found.report.triangles == 1


def ply(form: str, *, faces: bool = True) -> bytes:
    head = f"ply\nformat {form} 1.0\nelement vertex 4\n"
    head += "".join(f"property float {a}\n" for a in "xyz")
    head += "".join(f"property uchar {c}\n" for c in ("red", "green", "blue"))
    if faces:
        head += "element face 2\nproperty list uchar int vertex_indices\n"
    head += "end_header\n"
    order = "<" if "little" in form else ">"
    body = b""
    for point in SQUARE.tolist():
        if form == "ascii":
            body += " ".join(map(str, point)).encode() + b" 1 2 3\n"
        else:
            body += struct.pack(order + "3f3B", *point, 1, 2, 3)
    for corners in ((0, 1, 2), (0, 2, 3)) if faces else ():
        if form == "ascii":
            body += "3 {} {} {}\n".format(*corners).encode()
        else:
            body += struct.pack(order + "B3i", 3, *corners)
    return head.encode() + body


@pytest.mark.parametrize("form", ["ascii", "binary_little_endian", "binary_big_endian"])
@pytest.mark.parametrize("faces", [True, False])
def test_ply_in_every_form_is_a_mesh_or_a_cloud(tmp_path: Path, form: str, faces: bool) -> None:
    path = tmp_path / "a.ply"
    found = imported(path, ply(form, faces=faces))
    (tile,) = tiles(path, found)
    assert tile.kind == ("mesh" if faces else "cloud")
    assert len(tile.triangles) == (2 if faces else 0) and len(tile.points) == 4
    assert np.allclose(tile.points.max(axis=0), (10.0, 10.0, 0.0))
    assert tile.colours is not None and tile.colours[2].tolist() == [1, 2, 3]


def test_a_ply_that_promises_too_much_is_refused(tmp_path: Path) -> None:
    for form in ("ascii", "binary_little_endian"):
        data = ply(form).replace(b"vertex 4", b"vertex 4000000000")
        assert "I-505" in (imported(tmp_path / "a.ply", data).report.error or "")
    assert "I-505" in (
        imported(tmp_path / "b.ply", ply("binary_big_endian")[:-9]).report.error or ""
    )


def test_off_and_both_kinds_of_stl(tmp_path: Path) -> None:
    off = "OFF\n4 1 0\n" + POINTS.replace("v ", "") + "4 0 1 2 3\n"
    corners = SQUARE[[0, 1, 2, 0, 2, 3]].reshape(2, 9)
    binary = b"\0" * 80 + struct.pack("<I", 2)
    text = "solid a\n"
    for row in corners.tolist():
        binary += struct.pack("<12fH", 0, 0, 0, *row, 0)
        spots = "".join("vertex {} {} {}\n".format(*row[n : n + 3]) for n in (0, 3, 6))
        text += f"facet normal 0 0 0\nouter loop\n{spots}endloop\nendfacet\n"
    for name, data in (("a.off", off), ("b.stl", binary), ("c.stl", text + "endsolid a\n")):
        path = tmp_path / name
        found = imported(path, data)
        (tile,) = tiles(path, found)
        assert len(tile.triangles) == 2 and len(tile.points) == 4, name
    cut = imported(tmp_path / "d.stl", binary[:-60]).report.error or ""
    assert "states 2 triangles and holds" in cut
    assert "I-503" in (
        imported(tmp_path / "e.off", off.replace("0 1 2 3", "0 1 2 9")).report.error or ""
    )


@pytest.mark.data
def test_the_mesh_of_delft_lies_on_its_model_and_its_cloud(tmp_path: Path) -> None:
    home = city_data("delft_3dfier")

    def take(path: Path, frame: Frame | None) -> ImportedFile:
        return read_file(path, project_frame=frame, tiles_folder=tmp_path)

    model = take(home / "output" / "testarea.json", None)
    frame = Frame(model.suggested_epsg, *model.suggested_origin)
    mesh = take(home / "output" / "testarea.obj", frame)
    assert mesh.report.triangles == 28619
    assert (mesh.report.objects["Building"], len(mesh.assets)) == (160, 570)
    ours = boxes(take(home / "output" / "testarea.json", frame), tmp_path)
    theirs = boxes(mesh, tmp_path)
    buildings = [a.id for a in mesh.assets if a.type == "Building"]
    apart = max(float(np.abs(theirs[name] - ours[name])[:, :2].max()) for name in buildings)
    assert apart < 0.5
    cloud = take(home / "ahn3" / "ahn3_cropped_2.laz", frame)
    assert cloud.report.placed == 1 and cloud.layer is not None
    low = np.min([t.low for t in cloud.layer.finest], axis=0)
    assert abs(low[0] + frame.east - 85000.0) < 0.1
